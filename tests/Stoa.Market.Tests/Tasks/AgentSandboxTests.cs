using System.Text;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Primitives;
using Stoa.Wasm;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Market.Tests.Tasks;

public sealed class AgentSandboxTests : IDisposable
{
    private static readonly AgentLimits s_limits = new(Fuel: 200_000_000, MemoryBytes: 4 << 20, TimeoutMs: 60_000, OutputBytes: 300_000, LogBytes: 4096);

    private readonly GuestThreads _threads = new(1);
    private readonly AgentSandbox _sandbox = new(TimeProvider.System);
    private readonly MemoryStream _output = new();
    private readonly AttemptProgress _progress = new();

    public static TheoryData<string, byte[], FailureCode, string> Hostile() => new()
    {
        { "endless loop", GuestPrograms.EndlessLoop, FailureCode.OutOfFuel, "burnt all 0.2 Gfuel" },
        { "endless recursion", GuestPrograms.EndlessRecursion, FailureCode.CallStackExhausted, "16,384" },
        { "1 GB declared memory", GuestPrograms.WithMemory(16_384), FailureCode.NotStartable, "limits.memoryBytes" },
        { "output without end", GuestPrograms.EndlessOutput(1), FailureCode.OutputTooLarge, "limits.outputBytes" },
        { "log without end", GuestPrograms.EndlessOutput(2), FailureCode.OutOfFuel, "limits.fuel" },
        { "missing export", GuestPrograms.WithoutStart, FailureCode.NotStartable, "_start" },
        { "unknown import", GuestPrograms.UnknownImport, FailureCode.NotStartable, "fd_teleport" },
        { "unreachable", GuestPrograms.Unreachable, FailureCode.Trap, "unreachable at _start." },
        { "out of bounds", GuestPrograms.OutOfBounds, FailureCode.Trap, "out of bounds memory access" },
        { "exit 3", GuestPrograms.Exit(3, "no such column"), FailureCode.AgentExit, "exit code 3" },
        { "exit 75", GuestPrograms.Exit(75), FailureCode.AgentUnavailable, "tried again" },
    };

    public void Dispose()
    {
        _threads.Dispose();
        _output.Dispose();
    }

    [Theory]
    [MemberData(nameof(Hostile))]
    public async Task Run_OfAProgramThatFails_SaysWhy(string what, byte[] program, FailureCode code, string words)
    {
        var failed = (await RunAsync(program)).ShouldBeOfType<AttemptOutcome.Failed>(what);

        failed.Failure.Code.ShouldBe(code, what);
        failed.Failure.Detail.ShouldContain(words, Case.Insensitive, what);
    }

    [Fact]
    public async Task Run_OfAnEcho_WritesWhatItReadAndMeasures()
    {
        var input = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("Stoa ", 30_000)));

        var completed = (await RunAsync(GuestPrograms.Echo, input)).ShouldBeOfType<AttemptOutcome.Completed>();

        _output.ToArray().ShouldBe(input);
        completed.Output.ShouldBe(ContentHash.Of(input));
        completed.Usage.InputBytes.ShouldBe(input.Length);
        completed.Usage.OutputBytes.ShouldBe(input.Length);
        completed.Usage.Fuel.ShouldBeInRange(1, s_limits.Fuel);
        completed.Usage.PeakMemoryBytes.ShouldBe(2 << 16);
    }

    [Fact]
    public async Task Run_Twice_IsTheSameToTheUnitOfFuel()
    {
        var first = (await RunAsync(GuestPrograms.RandomAndClock)).ShouldBeOfType<AttemptOutcome.Completed>();
        var second = (await RunAsync(GuestPrograms.RandomAndClock)).ShouldBeOfType<AttemptOutcome.Completed>();

        (second.Output, second.Usage.Fuel).ShouldBe((first.Output, first.Usage.Fuel));
    }

    [Fact]
    public async Task Run_WithAnotherSeed_DrawsOtherChance()
    {
        var first = (await RunAsync(GuestPrograms.RandomAndClock)).ShouldBeOfType<AttemptOutcome.Completed>();
        var second = (await RunAsync(GuestPrograms.RandomAndClock, seed: 8)).ShouldBeOfType<AttemptOutcome.Completed>();

        second.Output.ShouldNotBe(first.Output);
    }

    [Fact]
    public async Task Run_PastItsDeadline_IsStopped()
    {
        var failed = (await RunAsync(GuestPrograms.EndlessLoop, limits: s_limits with { Fuel = long.MaxValue / 2, TimeoutMs = 50 }))
            .ShouldBeOfType<AttemptOutcome.Failed>();

        failed.Failure.Code.ShouldBe(FailureCode.TimedOut);
    }

    [Fact]
    public async Task Run_ThatIsCancelled_IsStopped()
    {
        using var cancel = new CancellationTokenSource();
        var running = RunAsync(GuestPrograms.EndlessLoop, limits: s_limits with { Fuel = long.MaxValue / 2 }, cancellationToken: cancel.Token);

        await cancel.CancelAsync();

        (await running).ShouldBeOfType<AttemptOutcome.Stopped>();
    }

    [Fact]
    public async Task Progress_WhileItRuns_IsReadFromAnotherThread()
    {
        using var cancel = new CancellationTokenSource();
        var running = RunAsync(GuestPrograms.EndlessOutput(2), limits: s_limits with { Fuel = long.MaxValue / 2 }, cancellationToken: cancel.Token);

        AttemptCounts? counts;
        do
        {
            await Task.Yield();
            counts = _progress.Read(TimeProvider.System);
        }
        while (counts is not { Fuel: > 0 });
        await cancel.CancelAsync();
        await running;

        _progress.Read(TimeProvider.System).ShouldBeNull();
    }

    [Fact]
    public async Task Log_OfAFailure_IsKept()
    {
        var failed = (await RunAsync(GuestPrograms.Exit(1, "no such column: größe"))).ShouldBeOfType<AttemptOutcome.Failed>();

        failed.Failure.Log.ShouldBe("no such column: größe");
        failed.Failure.Usage.ShouldNotBeNull().Fuel.ShouldBePositive();
    }

    [Fact]
    public async Task Rerun_OfAReceipt_ConfirmsTheTruthAndNothingElse()
    {
        var input = "Stoa"u8.ToArray();
        using var key = PrivateKey.Generate();
        var completed = (await RunAsync(GuestPrograms.Echo, input)).ShouldBeOfType<AttemptOutcome.Completed>();
        var receipt = TaskSamples.Receipt(key) with
        {
            ProgramDigest = ContentHash.Of(GuestPrograms.Echo),
            InputDigest = ContentHash.Of(input),
            OutputDigest = completed.Output,
            Usage = completed.Usage,
            Parameters = [],
            Seed = 7,
        };

        (await RerunAsync(receipt, GuestPrograms.Echo, input)).Value.Confirms.ShouldBeTrue();
        (await RerunAsync(receipt with { Usage = receipt.Usage with { Fuel = receipt.Usage.Fuel + 1 } }, GuestPrograms.Echo, input)).Value.FuelMatches.ShouldBeFalse();
        (await RerunAsync(receipt with { OutputDigest = ContentHash.Of("x"u8) }, GuestPrograms.Echo, input)).Value.OutputMatches.ShouldBeFalse();
        (await RerunAsync(receipt, GuestPrograms.Unreachable, input)).Refusal!.Code.ShouldBe(RerunRefusal.OtherProgram);
        (await RerunAsync(receipt, GuestPrograms.Echo, "other"u8.ToArray())).Refusal!.Code.ShouldBe(RerunRefusal.OtherInput);
    }

    private static Task<Outcome<RerunReport, RerunRefusal>> RerunAsync(Receipt receipt, byte[] program, byte[] input) =>
        ReceiptRerun.RunAsync(receipt, program, RerunCalls.None, new MemoryStream(input), TimeProvider.System, new AttemptProgress(), TestContext.Current.CancellationToken);

    private Task<AttemptOutcome> RunAsync(
        byte[] program, byte[]? input = null, AgentLimits? limits = null, long seed = 7, CancellationToken? cancellationToken = null)
    {
        var module = new Engine().Compile(program);
        var job = new SandboxJob(ListingName.Parse("stoa/test@1.0.0"), [], limits ?? s_limits, seed, 1_780_000_000_000);
        return _threads.RunAsync(() => _sandbox.Run(
            module, job, GuestInput.FromBytes(input ?? []), _output, _progress, cancellationToken ?? TestContext.Current.CancellationToken));
    }
}
