using Stoa.Market.Builds;
using Stoa.Market.Registry;
using Stoa.Primitives;
using Stoa.Primitives.Sealing;
using Stoa.Wasm;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Market.Tasks;

/// <summary>What a re-run of a receipt found.</summary>
/// <param name="Outcome">How the program ended here.</param>
/// <param name="OutputMatches">It wrote the same bytes.</param>
/// <param name="FuelMatches">It burnt the same fuel.</param>
/// <param name="Output">SHA-256 of what it wrote here; null when it did not complete.</param>
/// <param name="Usage">What was measured here; null when it never ran.</param>
public sealed record RerunReport(AttemptOutcome Outcome, bool OutputMatches, bool FuelMatches, ContentHash? Output, Usage? Usage)
{
    /// <summary>The calls of other agents were the same, with the same fuel, outputs and prices by the rates.</summary>
    public bool CallsMatch { get; init; } = true;

    /// <summary>The receipt tells the truth about the execution.</summary>
    public bool Confirms => OutputMatches && FuelMatches && CallsMatch;
}

/// <summary>What the agent of a receipt may call, to run it again.</summary>
/// <param name="Tree">By the catalogue.</param>
/// <param name="ReadProgram">Reads the program of one of them; null when it is not there any more.</param>
public sealed record RerunCalls(CallTree Tree, Func<AgentVersion, CancellationToken, Task<byte[]?>> ReadProgram)
{
    /// <summary>Of an agent that calls nobody.</summary>
    public static RerunCalls None { get; } = new(CallTree.None, (_, _) => Task.FromResult<byte[]?>(null));
}

/// <summary>Why a receipt cannot be run again.</summary>
public enum RerunRefusal
{
    /// <summary>The program's bytes are not those of the receipt.</summary>
    OtherProgram,

    /// <summary>The input's bytes are not those of the receipt.</summary>
    OtherInput,

    /// <summary>The program is not a module that this engine takes.</summary>
    ProgramInvalid,

    /// <summary>The program of an agent that it may call is not there any more, or not the one of the catalogue.</summary>
    CalledProgramMissing,

    /// <summary>The input is sealed, and what opens it is not here.</summary>
    SealClosed,

    /// <summary>The run asked models, and those answer another thing each time.</summary>
    ModelsAsked,

    /// <summary>Something of a call took longer here than it may anywhere: that says nothing about the receipt.</summary>
    CallTooSlow,
}

/// <summary>Runs what a receipt swears to again, here, and compares: nobody has to believe a node.</summary>
public static class ReceiptRerun
{
    // The deadline has no part in what the program does, and this machine may be slower: fuel and the token end the run.
    internal const long TimeoutMs = 24L * 60 * 60 * 1_000;

    /// <summary>Runs the program on the input as the receipt says, and what it calls.</summary>
    /// <param name="receipt">Verified before.</param>
    /// <param name="program">The program's bytes.</param>
    /// <param name="calls">What the agent may call, see <see cref="CallTree"/>.</param>
    /// <param name="input">The input; it is read twice, so it must be seekable.</param>
    /// <param name="time">The clock of the deadline.</param>
    /// <param name="progress">Counts while it runs.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <param name="open">Takes up the exchange that a sealed input begins, or throws <see cref="SealBrokenException"/>; null for whoever cannot.</param>
    public static async Task<Outcome<RerunReport, RerunRefusal>> RunAsync(
        Receipt receipt,
        ReadOnlyMemory<byte> program,
        RerunCalls calls,
        Stream input,
        TimeProvider time,
        AttemptProgress progress,
        CancellationToken cancellationToken,
        Func<SealedHeader, SealedExchange>? open = null)
    {
        if (!receipt.IsRepeatable)
            return new Refusal<RerunRefusal>(RerunRefusal.ModelsAsked, WhyNotRepeatable(receipt));
        if (ContentHash.Of(program.Span) != receipt.ProgramDigest)
            return new Refusal<RerunRefusal>(RerunRefusal.OtherProgram, $"The receipt is about the program {receipt.ProgramDigest}; these bytes are {ContentHash.Of(program.Span)}.");
        var start = input.Position;
        var inputDigest = await ContentHash.OfAsync(input, cancellationToken);
        if (inputDigest != receipt.InputDigest)
            return new Refusal<RerunRefusal>(RerunRefusal.OtherInput, $"The receipt is about the input {receipt.InputDigest}; these bytes are {inputDigest}.");
        input.Position = start;

        var engine = new Engine(new EngineOptions { TimeProvider = time, Features = AgentFeatures.Admitted });
        Module module;
        CallablePrograms callable;
        try
        {
            module = engine.Compile(program);
            // From a sealed task nobody is called.
            callable = await CallablePrograms.LoadAsync(receipt.SealedTo is null ? calls.Tree : CallTree.None, async called => engine.Compile(await ReadAsync(called)));
        }
        catch (InvalidModuleException invalid)
        {
            return new Refusal<RerunRefusal>(RerunRefusal.ProgramInvalid, invalid.Message);
        }
        catch (FileNotFoundException missing)
        {
            return new Refusal<RerunRefusal>(RerunRefusal.CalledProgramMissing, missing.Message);
        }

        var limits = receipt.Limits with { TimeoutMs = TimeoutMs };
        using var threads = new GuestThreads(1);
        var sandbox = new AgentSandbox(time);
        var made = new TaskCalls(callable, sandbox, threads, isTimed: false, cancellationToken);
        var job = new SandboxJob(receipt.Agent, receipt.Parameters, limits, receipt.Seed, receipt.ClockMs);
        AttemptOutcome outcome;
        try
        {
            outcome = receipt.SealedTo is null
                ? await threads.RunAsync(() => sandbox.Run(
                    module, job with { Calls = made.DeskOf(receipt.Seed, receipt.ClockMs) }, GuestInput.FromStream(input), Stream.Null, progress, cancellationToken))
                : await RunSealedAsync(receipt, module, job, input, threads, sandbox, open, cancellationToken);
        }
        catch (SealBrokenException closed)
        {
            return new Refusal<RerunRefusal>(RerunRefusal.SealClosed, $"The input is sealed to the key {receipt.SealedTo} and cannot be opened here: {closed.Message}");
        }

        cancellationToken.ThrowIfCancellationRequested();
        if (made.HasEndedTask && outcome is AttemptOutcome.Failed { Failure.Detail: var slow })
            return new Refusal<RerunRefusal>(RerunRefusal.CallTooSlow, slow);
        return outcome is AttemptOutcome.Completed completed
            ? new RerunReport(
                outcome, completed.Output == receipt.OutputDigest, completed.Usage.Fuel == receipt.Usage.Fuel, completed.Output, completed.Usage)
            {
                CallsMatch = Match(receipt.Calls, made.Complete()),
            }
            : new RerunReport(outcome, false, false, null, (outcome as AttemptOutcome.Failed)?.Failure.Usage);

        async Task<byte[]> ReadAsync(AgentVersion called) =>
            await calls.ReadProgram(called, cancellationToken) is { } bytes && ContentHash.Of(bytes) == called.ProgramDigest
                ? bytes
                : throw new FileNotFoundException($"The program {called.ProgramDigest} of {called.Listing}, which {receipt.Agent} may call, is not there any more.");
    }

    /// <summary>Why a receipt of a run that asked models cannot be run again, for people.</summary>
    public static string WhyNotRepeatable(Receipt receipt) =>
        $"The run made {receipt.ModelRequests.Count} request(s) to models, and a model answers another thing each time: it cannot be run again. The receipt states the digest of each request and each answer, its tokens and its price.";

    /// <summary>Whether calls are those of the receipt. What they cost was computed from this when the receipt was verified, and time is not compared.</summary>
    private static bool Match(IReadOnlyList<ReceiptCall> sworn, IReadOnlyList<AgentCall> made) => sworn.Count == made.Count
        && sworn.Zip(made).All(pair => pair.First.Tells(pair.Second));

    private static async Task<AttemptOutcome> RunSealedAsync(
        Receipt receipt, Module module, SandboxJob job, Stream input, GuestThreads threads, AgentSandbox sandbox, Func<SealedHeader, SealedExchange>? open, CancellationToken cancellationToken)
    {
        if (open is null)
            throw new SealBrokenException("who runs it again needs the node's key, or the secret of its consumer.");
        var exchange = open(await SealedHeader.ReadAsync(input, cancellationToken));
        // A program that reads nothing would not find that the secret is another one: its output would differ, and the receipt look false.
        var behindHeader = input.Position;
        await using (var probe = exchange.OpenInput(input, leaveOpen: true))
            await probe.ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: false, cancellationToken);
        input.Position = behindHeader;
        await using var opened = new InputStream(exchange.OpenInput(input, leaveOpen: true));
        var salt = SealedRun.SaltOf(exchange, receipt.TaskId, receipt.ArtifactDigest, job);
        var outcome = await threads.RunAsync(() =>
            SealedRun.Run(sandbox, module, job, GuestInput.FromStream(opened), Stream.Null, exchange, salt, cancellationToken));
        // A program is only told that its read failed: what it made of that says nothing about the receipt.
        return opened.Fault is SealBrokenException broken ? throw broken : outcome;
    }
}
