using System.Globalization;
using System.Text;
using System.Text.Json;
using Stoa.Market.Builds;
using Stoa.Market.Calls;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;
using Stoa.Wasm;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Market.Tests.Calls;

public sealed class AgentCallsTests : IDisposable
{
    private static readonly AgentLimits s_limits = new(Fuel: 5_000_000_000, MemoryBytes: 4 << 20, TimeoutMs: 60_000, OutputBytes: 300_000, LogBytes: 4096);

    private readonly GuestThreads _threads = new(1);
    private readonly MemoryStream _output = new();
    private AttemptProgress _progress = new();

    public static TheoryData<string, long, long?, string?> Taken() => new()
    {
        { """{"op":"progress","done":3,"total":10,"message":"rows"}""", 3, 10, "rows" },
        { """{"message":"größer \u2713 \ud83d\ude00","done":9007199254740991,"op":"progress"}""", 9_007_199_254_740_991, null, "größer ✓ 😀" },
        { """ { "done" : 0 , "total" : 0 , "op" : "progress" , "message" : "" } """, 0, 0, null },
        { $$"""{"op":"progress","done":1,"message":"{{new string('x', 60_000)}}"}""", 1, null, new string('x', 200) },
        { $$"""{"op":"progress","done":1,"message":"{{new string('x', 199)}}😀"}""", 1, null, new string('x', 199) },
    };

    public static TheoryData<string, string> Refused() => new()
    {
        { "", "messageInvalid" },
        { "progress", "messageInvalid" },
        { "[]", "messageInvalid" },
        { "null", "messageInvalid" },
        { """{"op":"progress","done":1""", "messageInvalid" },
        { """{"op":"progress","done":1} {}""", "messageInvalid" },
        { """{"op":"progress","done":1,"message":"\ud800"}""", "messageInvalid" },
        { "{\"op\":\"progress\",\"done\":1,\"message\":\"\u00ff\"}", "messageInvalid" },
        { new string('[', 60_000), "messageInvalid" },
        { $$"""{"op":"progress","done":1,"message":"{{new string('x', 70_000)}}"}""", "messageTooLong" },
        { "{}", "operationUnknown" },
        { """{"op":"http.fetch","url":"http://169.254.169.254/"}""", "operationUnknown" },
        { """{"op":["progress"],"done":1}""", "operationUnknown" },
        { """{"op":"progress"}""", "memberInvalid" },
        { """{"op":"progress","done":-1}""", "memberInvalid" },
        { """{"op":"progress","done":0.5}""", "memberInvalid" },
        { """{"op":"progress","done":9007199254740992}""", "memberInvalid" },
        { """{"op":"progress","done":"1"}""", "memberInvalid" },
        { """{"op":"progress","done":1,"total":null}""", "memberInvalid" },
        { """{"op":"progress","done":1,"message":{}}""", "memberInvalid" },
        { """{"op":"progress","done":1,"done":2}""", "memberInvalid" },
        { """{"op":"progress","op":"progress","done":1}""", "memberInvalid" },
        { """{"op":"progress","done":1,"totl":2}""", "memberInvalid" },
    };

    /// <summary>Code of <c>_start</c>, and the failure that it ends with; null where it succeeds.</summary>
    public static TheoryData<string, FailureCode?> Hostile() => new()
    {
        // Messages where there is no memory, and ones that wrap around.
        { "(drop (call $request (i32.const 0x20000) (i32.const 1)))", FailureCode.Trap },
        { "(drop (call $request (i32.const -16) (i32.const 64)))", FailureCode.Trap },
        { "(drop (call $request (i32.const 0x1ffff) (i32.const 2)))", FailureCode.Trap },
        // Four gigabytes are too long before anybody looks where they are.
        { $"{Expect(1, "(call $request (i32.const 0) (i32.const -1))")}", null },
        // An answer into nowhere.
        { $"{Expect(1, Nonsense)} (drop (call $read (i32.const 1) (i32.const -4) (i32.const 100)))", FailureCode.Trap },
        // A capacity that reaches beyond the memory does no harm where the answer fits.
        { $"{Expect(1, Nonsense)} (if (i32.lt_s (call $read (i32.const 1) (i32.const 0) (i32.const -1)) (i32.const 20)) (then unreachable))", null },
        // Handles that nobody opened.
        { string.Concat(new[] { 1, 2, 16, 17, -1, int.MinValue, int.MaxValue }.Select(handle => Expect(-2, $"(call $read (i32.const {handle}) (i32.const 0) (i32.const 8))"))), null },
        { Expect(0, "(call $read (i32.const 0) (i32.const -1) (i32.const -1))"), null },
        // Answers that nobody reads: the seventeenth is not given, nor is anything done, until one is closed.
        {
            string.Concat(Enumerable.Range(1, 16).Select(handle => Expect(handle, Nonsense)))
            + Expect(-1, Nonsense) + Expect(-1, Tell) + Expect(0, "(call $read (i32.const 7) (i32.const 0) (i32.const 0))")
            + Expect(-2, "(call $read (i32.const 7) (i32.const 0) (i32.const 8))") + Expect(0, Tell) + Expect(7, Nonsense),
            null
        },
        // A refusal costs what finding out takes: one who asks nonsense all the time is soon done.
        { $"(loop {Nonsense} (drop (call $read (i32.const 1) (i32.const 0) (i32.const 0))) (drop) (br 0))", FailureCode.OutOfFuel },
    };

    private static string Nonsense => "(call $request (i32.const 0) (i32.const 3))";

    private static string Tell => "(call $request (i32.const 256) (i32.const 26))";

    public void Dispose()
    {
        _threads.Dispose();
        _output.Dispose();
    }

    [Theory]
    [MemberData(nameof(Taken))]
    public async Task Progress_OfAMessage_IsOnTheBoard(string message, long done, long? total, string? text)
    {
        (await RunAsync(Relay, Encoding.UTF8.GetBytes(message))).ShouldBeOfType<AttemptOutcome.Completed>();

        _progress.Board.Read().ShouldBe(new AgentProgress(done, total, text));
        _output.Length.ShouldBe(0);
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task Request_ThatIsNoProgress_IsAnsweredWithAReasonAndTellsNothing(string message, string code)
    {
        // Latin 1 puts a byte that is not UTF-8 where a text has U+00FF.
        var bytes = message.Contains('\u00ff', StringComparison.Ordinal) ? Encoding.Latin1.GetBytes(message) : Encoding.UTF8.GetBytes(message);

        (await RunAsync(Relay, bytes)).ShouldBeOfType<AttemptOutcome.Completed>();

        var answer = JsonDocument.Parse(_output.ToArray()).RootElement;
        answer.GetProperty("error").GetString().ShouldBe(code);
        answer.GetProperty("detail").GetString().ShouldNotBeNullOrEmpty();
        _progress.Board.Read().ShouldBeNull();
    }

    [Theory]
    [MemberData(nameof(Hostile))]
    public async Task Call_OfAHostileAgent_IsAnsweredOrTrapsAndHarmsNobody(string start, FailureCode? failure)
    {
        var outcome = await RunAsync(Program(start), []);

        var failed = (outcome as AttemptOutcome.Failed)?.Failure;
        (failed?.Code).ShouldBe(failure, failed?.Detail);
        (outcome is AttemptOutcome.Completed).ShouldBe(failure is null);
    }

    [Fact]
    public async Task Progress_ToldAMillionTimes_KeepsTheLastAndPaysForEach()
    {
        const int calls = 1_000_000;
        var once = await FuelOfAsync(Repeat(1));

        var often = await FuelOfAsync(Repeat(calls));

        _progress.Board.Read().ShouldBe(new AgentProgress(7, null, null));
        (often - once).ShouldBeGreaterThan((calls - 1) * (CallFuel.Call + (26 * CallFuel.MessageByte)));

        static string Repeat(int times) =>
            $"(local.set 0 (i32.const {times})) (loop (drop {Tell}) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))";
    }

    [Theory]
    [InlineData("""{"op":"progress","done":1}""")]
    [InlineData("""{"op":"nothing"}""")]
    public async Task Run_WithCalls_ReplaysToTheUnitOfFuel(string message)
    {
        var input = Encoding.UTF8.GetBytes(message);
        var program = GuestPrograms.AskNode;
        using var key = PrivateKey.Generate();
        var completed = (await RunAsync(new Engine().Compile(program), input)).ShouldBeOfType<AttemptOutcome.Completed>();
        var receipt = TaskSamples.Receipt(key) with
        {
            ProgramDigest = ContentHash.Of(program),
            InputDigest = ContentHash.Of(input),
            OutputDigest = completed.Output,
            Usage = completed.Usage,
            Parameters = [],
            Seed = 7,
        };

        var rerun = await ReceiptRerun.RunAsync(
            receipt, program, RerunCalls.None, new MemoryStream(input), TimeProvider.System, new AttemptProgress(), TestContext.Current.CancellationToken);

        rerun.Value.Confirms.ShouldBeTrue();
    }

    [Theory]
    [InlineData("""(import "stoa" "request" (func (param i32 i32) (result i32)))""", null)]
    [InlineData("""(import "stoa" "read" (func (param i32 i32 i32) (result i32)))""", null)]
    [InlineData("""(import "stoa" "read" (func (param i32 i32) (result i32)))""", "it is (i32 i32 i32) -> (i32)")]
    [InlineData("""(import "stoa" "teleport" (func))""", "stoa (read, request, run, write)")]
    [InlineData("""(import "stoa" "request" (global i32))""", "which no node gives")]
    public void Publication_OfAProgramThatImportsStoa_TakesWhatANodeGives(string import, string? refusal)
    {
        // The text format is for tests: what is published is the binary one, and the check sees the same module.
        var engine = new Engine();
        var module = engine.CompileText(Encoding.UTF8.GetBytes($"""(module {import} (memory (export "memory") 1) (func (export "_start")))"""));

        var faults = ProgramCheck.FindFaults(module, memoryBytes: 65_536).ToList();

        if (refusal is null)
            faults.ShouldBeEmpty();
        else
            faults.ShouldHaveSingleItem().ShouldContain(refusal);
    }

    private static string Expect(int result, string call) => string.Create(CultureInfo.InvariantCulture, $"(if (i32.ne {call} (i32.const {result})) (then unreachable)) ");

    /// <summary>A program of two pages: "abc" at 0, a progress message of 26 bytes at 256.</summary>
    private static Module Program(string start) => new Engine().CompileText(Encoding.UTF8.GetBytes(
        $$"""
        (module
          (import "stoa" "request" (func $request (param i32 i32) (result i32)))
          (import "stoa" "read" (func $read (param i32 i32 i32) (result i32)))
          (memory (export "memory") 2)
          (data (i32.const 0) "abc")
          (data (i32.const 256) "{\"op\":\"progress\",\"done\":7}")
          (func (export "_start") (local i32) {{start}}))
        """));

    /// <summary>Sends its input as a message, and writes the answer by pieces of seven bytes.</summary>
    private static Module Relay => new Engine().CompileText(Encoding.UTF8.GetBytes(
        """
        (module
          (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
          (import "stoa" "request" (func $request (param i32 i32) (result i32)))
          (import "stoa" "read" (func $read (param i32 i32 i32) (result i32)))
          (memory (export "memory") 4)
          (func (export "_start") (local $handle i32) (local $count i32)
            (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 200000))
            (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
            (local.set $handle (call $request (i32.const 1024) (i32.load (i32.const 8))))
            (if (i32.lt_s (local.get $handle) (i32.const 0)) (then unreachable))
            (block (loop
              (local.set $count (call $read (local.get $handle) (i32.const 16) (i32.const 7)))
              (if (i32.lt_s (local.get $count) (i32.const 0)) (then unreachable))
              (br_if 1 (i32.eqz (local.get $count)))
              (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (local.get $count))
              (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
              (br 0)))))
        """));

    private async Task<long> FuelOfAsync(string start) =>
        (await RunAsync(Program(start), [])).ShouldBeOfType<AttemptOutcome.Completed>().Usage.Fuel;

    private Task<AttemptOutcome> RunAsync(Module program, byte[] input)
    {
        _progress = new AttemptProgress();
        var job = new SandboxJob(ListingName.Parse("stoa/test@1.0.0"), [], s_limits, 7, 1_780_000_000_000);
        return _threads.RunAsync(() => new AgentSandbox(TimeProvider.System).Run(
            program, job, GuestInput.FromBytes(input), _output, _progress, TestContext.Current.CancellationToken));
    }
}
