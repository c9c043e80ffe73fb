using System.Text;
using System.Text.Json;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Calls;

public sealed class CalledAgentsTests : IDisposable
{
    private static readonly byte[] s_hello = "\"hello\""u8.ToArray();

    private readonly CallMarket _market = new();

    /// <summary>Programs that fail, and how.</summary>
    public static TheoryData<byte[], string, string> Failing() => new()
    {
        { GuestPrograms.Unreachable, "trap", "" },
        { GuestPrograms.OutOfBounds, "trap", "" },
        { GuestPrograms.EndlessLoop, "outOfFuel", "" },
        { GuestPrograms.EndlessRecursion, "callStackExhausted", "" },
        { GuestPrograms.EndlessOutput(1), "outputTooLarge", "" },
        { GuestPrograms.EndlessOutput(2), "outOfFuel", "" },
        { GuestPrograms.WithMemory(256), "notStartable", "" },
        { GuestPrograms.UnknownImport, "notStartable", "" },
        { GuestPrograms.Exit(3, "no such column"), "agentExit", "no such column" },
        { GuestPrograms.Exit(75), "agentUnavailable", "" },
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _market.Dispose();

    [Fact]
    public async Task Call_OfAnAgent_GetsItsInputInPiecesAndGivesItsOutput()
    {
        var input = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("Stoa ", 15_000)));
        _market.Add("echo", GuestPrograms.Echo);
        _market.Add("caller", CallPrograms.Caller("stoa/echo@1.0.0", times: 2), uses: CallMarket.Use("echo"));

        (await _market.RunAsync("caller", input, Token)).ShouldBeOfType<AttemptOutcome.Completed>();

        var once = "0" + Encoding.UTF8.GetString(input);
        _market.Text.ShouldBe(once + once);
        var calls = _market.Calls!.Complete();
        calls.Select(call => (call.Number, call.Parent, call.Failure)).ShouldBe([(1, 0, null), (2, 0, null)]);
        calls.ShouldAllBe(call => call.Price == Money.Parse("0.001") && call.Usage.Fuel > 0 && call.InputBytes == input.Length && call.Output == call.Input);
    }

    [Theory]
    [MemberData(nameof(Failing))]
    public async Task Call_OfAnAgentThatFails_IsAnErrorThatCostsNothing_AndTheCallerGoesOn(byte[] program, string failure, string log)
    {
        _market.Add("bad", program);
        _market.Add("caller", CallPrograms.Caller("stoa/bad@1.0.0", times: 2), uses: CallMarket.Use("bad"));

        (await _market.RunAsync("caller", s_hello, Token)).ShouldBeOfType<AttemptOutcome.Completed>();

        var first = _market.Text[1..(_market.Text.IndexOf("}1{", StringComparison.Ordinal) + 1)];
        _market.Text.ShouldBe($"1{first}1{first}");
        var error = JsonDocument.Parse(first).RootElement;
        error.GetProperty("error").GetString().ShouldBe("callFailed");
        error.GetProperty("failure").GetString().ShouldBe(failure);
        error.GetProperty("log").GetString()!.ShouldContain(log);
        _market.Calls!.Complete().ShouldAllBe(call => call.Price == Money.Zero && call.Output == null && call.Failure != null);
        _market.Calls.Complete().Count.ShouldBe(2);
    }

    [Theory]
    [InlineData("trap")]
    [InlineData("ok")]
    public async Task Caller_AfterACall_IsStillMeteredAndTrapsAsItself(string called)
    {
        _market.Add("called", called == "trap" ? GuestPrograms.OutOfBounds : GuestPrograms.Echo);
        _market.Add(
            "caller",
            CallPrograms.Opening("stoa/called@1.0.0", "(drop (call $run (call $request (i32.const 256) (global.get $message)))) (i32.store (i32.const -4) (i32.const 1))"),
            uses: CallMarket.Use("called"));

        var failed = (await _market.RunAsync("caller", s_hello, Token)).ShouldBeOfType<AttemptOutcome.Failed>();

        failed.Failure.Code.ShouldBe(FailureCode.Trap);
        failed.Failure.Detail.ShouldContain("out of bounds");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Recursion_OfTheCallerAndTheCalled_EndAtTheSameDepthAsByThemselves(bool isCalledDeep)
    {
        _market.Add("called", isCalledDeep ? GuestPrograms.EndlessRecursion : GuestPrograms.Echo);
        _market.Add("caller", CallPrograms.DeepCaller("stoa/called@1.0.0", depth: 16_000), uses: CallMarket.Use("called"));
        await _market.RunAsync("caller", s_hello, Token);
        var deep = _market.Calls!.Complete().Single().Usage.Fuel;

        _market.Add("caller", CallPrograms.DeepCaller("stoa/called@1.0.0", depth: 1), uses: CallMarket.Use("called"));
        (await _market.RunAsync("caller", s_hello, Token)).ShouldBeOfType<AttemptOutcome.Completed>();

        _market.Calls!.Complete().Single().Usage.Fuel.ShouldBe(deep);
        _market.Text.ShouldStartWith(isCalledDeep ? "1{\"error\":\"callFailed\"" : "0");
    }

    [Fact]
    public async Task Run_WithCallsOfCalls_ReplaysFromItsReceipt()
    {
        using var key = PrivateKey.Generate();
        _market.Add("chance", GuestPrograms.RandomAndClock);
        _market.Add("middle", CallPrograms.Caller("stoa/chance@1.0.0", times: 2), uses: CallMarket.Use("chance", maxPrice: "0.01"));
        _market.Add("caller", CallPrograms.Caller("stoa/middle@1.0.0", times: 3), limits: CallMarket.Limits with { MemoryBytes = 64 << 20, Fuel = 5_000_000_000 }, uses: CallMarket.Use("middle"));
        var completed = (await _market.RunAsync("caller", s_hello, Token)).ShouldBeOfType<AttemptOutcome.Completed>();
        var receipt = _market.Receipt("caller", key, s_hello, completed);

        receipt.Calls.Select(call => (call.Number, call.Parent)).ShouldBe([(1, null), (2, 1), (3, 1), (4, null), (5, 4), (6, 4), (7, null), (8, 7), (9, 7)]);
        receipt.Calls.Where(call => call.Agent.Name == "chance").Select(call => call.OutputDigest).Distinct().Count().ShouldBe(6, "no two calls have the same chance");
        var verified = ReceiptVerifier.Verify(receipt.Sign(key).Envelope, expectedNode: null);
        verified.Refusal.ShouldBeNull(verified.Refusal?.Detail);
        var rerun = await _market.RerunAsync("caller", verified.Value, s_hello, Token);
        rerun.Confirms.ShouldBeTrue();
        (await _market.RerunAsync("caller", verified.Value with { Calls = [.. receipt.Calls.Select(call => call.Number == 5 ? call with { Usage = call.Usage with { Fuel = call.Usage.Fuel + 1 } } : call)] }, s_hello, Token))
            .Confirms.ShouldBeFalse();
        (await _market.RerunAsync("caller", verified.Value with { Calls = [.. receipt.Calls.SkipLast(1)] }, s_hello, Token)).CallsMatch.ShouldBeFalse();
    }

    [Fact]
    public async Task CallsOfAFailedCall_CostNothing_AndThoseAfterItDo()
    {
        _market.Add("echo", GuestPrograms.Echo);
        _market.Add(
            "middle",
            CallPrograms.Opening("stoa/echo@1.0.0", "(drop (call $run (call $request (i32.const 256) (global.get $message)))) unreachable"),
            uses: CallMarket.Use("echo", maxPrice: "0.5"));
        _market.Add("caller", CallPrograms.Caller("stoa/middle@1.0.0"), limits: CallMarket.Limits with { MemoryBytes = 64 << 20 }, uses: CallMarket.Use("middle"));

        (await _market.RunAsync("caller", s_hello, Token)).ShouldBeOfType<AttemptOutcome.Completed>();

        _market.Calls!.Complete().Select(call => (call.Parent, call.Failure, call.Price)).ShouldBe([(0, FailureCode.Trap, Money.Zero), (1, null, Money.Zero)]);
    }

    /// <summary>What a caller is refused, before anything runs: message members, use, error.</summary>
    [Theory]
    [InlineData("stoa/other@1.0.0", "", "agentUndeclared", 0)]
    [InlineData("stoa/echo", "", "agentUndeclared", 0)]
    [InlineData("stoa/echo@1.0.0", ",\"parameters\":{\"width\":\"x\"}", "parametersInvalid", 0)]
    [InlineData("stoa/echo@1.0.0", ",\"parameters\":{\"height\":\"1\"}", "parametersInvalid", 0)]
    [InlineData("stoa/echo@1.0.0", ",\"parameters\":{\"width\":1}", "memberInvalid", 0)]
    [InlineData("stoa/echo@1.0.0", ",\"parameters\":[]", "memberInvalid", 0)]
    [InlineData("stoa/echo@1.0.0", ",\"input\":1", "memberInvalid", 0)]
    [InlineData("stoa/echo@1.0.0", ",\"stdin\":\"1\"", "memberInvalid", 0)]
    [InlineData("stoa/echo@1.0.0", ",\"agent\":\"stoa/echo@1.0.0\"", "memberInvalid", 0)]
    [InlineData("stoa/echo@1.0.0", ",\"input\":\"\\\\ud800\"", "messageInvalid", 0)]
    [InlineData("stoa/strict@1.0.0", "", "inputInvalid", 0)]
    [InlineData("stoa/once@1.0.0", "", "callsTooMany", 1)]
    [InlineData("stoa/dear@1.0.0", "", "priceTooHigh", 1)]
    public async Task Call_ThatIsNotAllowed_IsRefused(string agent, string more, string error, int before)
    {
        _market.Add("echo", GuestPrograms.Echo);
        _market.Add("once", GuestPrograms.Echo);
        _market.Add("dear", GuestPrograms.Echo, new AgentPrice(Money.Parse("0.3"), Money.Zero, Money.Parse("1")), CallMarket.Limits);
        _market.Add("strict", GuestPrograms.Echo, inputSchema: """{"type":"number"}""");
        _market.Add(
            "caller",
            CallPrograms.Caller(agent, times: before + 1, more),
            uses: [CallMarket.Use("echo"), CallMarket.Use("once", maxCalls: 1), CallMarket.Use("dear", maxPrice: "0.6"), CallMarket.Use("strict")]);

        (await _market.RunAsync("caller", s_hello, Token)).ShouldBeOfType<AttemptOutcome.Completed>();

        _market.Text.ShouldContain($"1{{\"error\":\"{error}\"");
        _market.Text.ShouldNotContain("The agent takes", Case.Sensitive, "words for people change, and a receipt promises what an agent can read");
        _market.Calls!.Complete().Count.ShouldBe(before);
    }

    [Fact]
    public async Task Output_ThatBreaksItsOwnSchema_FailsTheCall()
    {
        _market.Add("liar", GuestPrograms.Echo, outputSchema: """{"type":"number"}""");
        _market.Add("caller", CallPrograms.Caller("stoa/liar@1.0.0"), uses: CallMarket.Use("liar"));

        await _market.RunAsync("caller", s_hello, Token);

        _market.Text.ShouldContain("\"failure\":\"outputInvalid\"");
        _market.Text.ShouldNotContain("hello");
    }

    [Fact]
    public async Task Calls_OfATask_AreNoMoreThanItsMost()
    {
        _market.Add("echo", GuestPrograms.Echo);
        _market.Add("middle", CallPrograms.Caller("stoa/echo@1.0.0", times: 40), uses: CallMarket.Use("echo", maxPrice: "0.1"));
        _market.Add("caller", CallPrograms.Caller("stoa/middle@1.0.0", times: 3), limits: CallMarket.Limits with { MemoryBytes = 64 << 20, Fuel = 5_000_000_000 }, uses: CallMarket.Use("middle"));

        (await _market.RunAsync("caller", s_hello, Token)).ShouldBeOfType<AttemptOutcome.Completed>();

        _market.Calls!.Complete().Count.ShouldBe(TaskCalls.MostCalls);
        _market.Text.ShouldContain("callsTooMany");
    }

    [Fact]
    public async Task Input_BeyondWhatIsAllowed_IsNotTaken()
    {
        _market.Add("echo", GuestPrograms.Echo);
        _market.Add("caller", CallPrograms.Caller("stoa/echo@1.0.0"), uses: CallMarket.Use("echo", maxInputBytes: 2_500));

        (await _market.RunAsync("caller", new byte[4_000], Token)).ShouldBeOfType<AttemptOutcome.Completed>();

        _market.Output.Length.ShouldBe(1 + 2_000, "pieces of a thousand are taken or not");
    }

    [Fact]
    public async Task Memory_ForCalls_IsTakenFromTheCallersOwnLimit()
    {
        var calls = CallMarket.Limits.MemoryBytes + CallMarket.Limits.OutputBytes + 100_000;
        _market.Add("echo", GuestPrograms.Echo);
        _market.Add("caller", GuestPrograms.Grow(8), limits: CallMarket.Limits with { MemoryBytes = calls + (10 << 16) - 1 }, uses: CallMarket.Use("echo"));

        var completed = (await _market.RunAsync("caller", s_hello, Token)).ShouldBeOfType<AttemptOutcome.Completed>();

        completed.Usage.PeakMemoryBytes.ShouldBe(2 << 16, "the ninth and tenth page are not its own");
        (await _market.TreeOf("caller")).RoomBytes.ShouldBe(calls);
    }

    [Fact]
    public async Task OpenAnswers_ThatNobodyReads_HoldTheMemoryThatOtherCallsNeed()
    {
        const string run = "(local.set $handle (call $request (i32.const 256) (global.get $message))) (i32.store8 (i32.const 64) (i32.add (i32.const 48) (call $run (local.get $handle)))) (call $put (i32.const 64) (i32.const 1))";
        _market.Add("long", GuestPrograms.Print(new string('x', 20_000)));
        _market.Add("caller", CallPrograms.Opening("stoa/long@1.0.0", $"{run} {run} (drop (call $read (i32.const 1) (i32.const 0) (i32.const 0))) {run}"), uses: CallMarket.Use("long", maxInputBytes: 10_000));

        (await _market.RunAsync("caller", [], Token)).ShouldBeOfType<AttemptOutcome.Completed>();

        _market.Text.ShouldBe("010");
    }

    [Fact]
    public async Task Handles_OfCalls_AreSixteenAndTakeInputOnceOnly()
    {
        const string open = "(call $request (i32.const 256) (global.get $message))";
        _market.Add("echo", GuestPrograms.Echo);
        _market.Add("caller", CallPrograms.Opening("stoa/echo@1.0.0",
            string.Concat(Enumerable.Range(1, 16).Select(handle => Expect(handle, open))) + Expect(-1, open)
            // Nothing can be read of what has not run; closed so, it never runs.
            + Expect(-2, "(call $read (i32.const 3) (i32.const 1024) (i32.const 8))") + Expect(0, "(call $read (i32.const 3) (i32.const 1024) (i32.const 0))") + Expect(3, open)
            + Expect(5, "(call $write (i32.const 1) (i32.const 256) (i32.const 5))") + Expect(0, "(call $run (i32.const 1))") + Expect(0, "(call $run (i32.const 1))")
            + Expect(-2, "(call $write (i32.const 1) (i32.const 256) (i32.const 5))") + Expect(5, "(call $read (i32.const 1) (i32.const 1024) (i32.const 100))")
            + Expect(0, "(call $read (i32.const 1) (i32.const 1024) (i32.const 100))") + Expect(-2, "(call $run (i32.const 1))")
            + Expect(-2, "(call $run (i32.const 17))") + Expect(-2, "(call $write (i32.const 0) (i32.const 0) (i32.const 0))")
            + Expect(-3, "(call $write (i32.const 2) (i32.const 0) (i32.const -1))")), uses: CallMarket.Use("echo"));

        var outcome = await _market.RunAsync("caller", [], Token);

        outcome.ShouldBeOfType<AttemptOutcome.Completed>((outcome as AttemptOutcome.Failed)?.Failure.Detail);
        _market.Calls!.Complete().Count.ShouldBe(1);
    }

    [Fact]
    public async Task Write_OutOfBounds_Traps()
    {
        _market.Add("echo", GuestPrograms.Echo);
        _market.Add(
            "caller",
            CallPrograms.Opening("stoa/echo@1.0.0", "(drop (call $write (call $request (i32.const 256) (global.get $message)) (i32.const 0x3fffc) (i32.const 8)))"),
            uses: CallMarket.Use("echo"));

        (await _market.RunAsync("caller", [], Token)).ShouldBeOfType<AttemptOutcome.Failed>().Failure.Code.ShouldBe(FailureCode.Trap);
    }

    [Fact]
    public async Task Agent_ThatDeclaresNothing_CanCallNobody()
    {
        _market.Add("caller", CallPrograms.Caller("stoa/echo@1.0.0"));

        (await _market.RunAsync("caller", s_hello, Token)).ShouldBeOfType<AttemptOutcome.Completed>();

        _market.Text.ShouldStartWith("1{\"error\":\"callsUnavailable\"");
    }

    [Fact]
    public async Task Time_OfACall_EndsTheTask()
    {
        _market.Add("slow", GuestPrograms.EndlessLoop, limits: CallMarket.Limits with { Fuel = long.MaxValue / 2, TimeoutMs = 50 });
        _market.Add("middle", CallPrograms.Caller("stoa/slow@1.0.0"), uses: CallMarket.Use("slow", maxPrice: "0.1"));
        _market.Add("caller", CallPrograms.Caller("stoa/middle@1.0.0"), limits: CallMarket.Limits with { MemoryBytes = 64 << 20 }, uses: CallMarket.Use("middle"));

        var failed = (await _market.RunAsync("caller", s_hello, Token)).ShouldBeOfType<AttemptOutcome.Failed>();

        failed.Failure.Code.ShouldBe(FailureCode.TimedOut);
        failed.Failure.Detail.ShouldContain("stoa/slow@1.0.0 did not end within the 50 ms", Case.Sensitive, "it is told of the one that was slow, however deep");
        _market.Calls!.HasEndedTask.ShouldBeTrue();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task SchemaOfACall_ThatTakesTooLongToCheck_EndsTheTask_AndSaysNothingAboutAReceipt(bool isOfInput)
    {
        using var key = PrivateKey.Generate();
        var input = Encoding.UTF8.GetBytes(new string('[', 30) + new string(']', 30));
        Add(schema: null);
        var receipt = _market.Receipt("caller", key, input, (await _market.RunAsync("caller", input, Token)).ShouldBeOfType<AttemptOutcome.Completed>());
        // Each level of the document takes twice the steps of the one above it.
        Add("""{"type": "array", "items": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}""");

        var failed = (await _market.RunAsync("caller", input, Token)).ShouldBeOfType<AttemptOutcome.Failed>();

        (failed.Failure.Code, _market.Calls!.HasEndedTask).ShouldBe((FailureCode.TimedOut, true));
        failed.Failure.Detail.ShouldContain("JSON Schema takes too long");
        (await _market.TryRerunAsync("caller", receipt, input, Token)).Refusal!.Code.ShouldBe(RerunRefusal.CallTooSlow);

        void Add(string? schema)
        {
            _market.Add("called", GuestPrograms.Echo, inputSchema: isOfInput ? schema : null, outputSchema: isOfInput ? null : schema);
            _market.Add("caller", CallPrograms.Caller("stoa/called@1.0.0"), uses: CallMarket.Use("called"));
        }
    }

    [Fact]
    public async Task Deadline_OfTheTask_EndsItsCallsToo()
    {
        _market.Add("slow", GuestPrograms.EndlessLoop, limits: CallMarket.Limits with { Fuel = long.MaxValue / 2 });
        _market.Add("caller", CallPrograms.Caller("stoa/slow@1.0.0"), limits: CallMarket.Limits with { MemoryBytes = 16 << 20, TimeoutMs = 50 }, uses: CallMarket.Use("slow"));

        var failed = (await _market.RunAsync("caller", s_hello, Token)).ShouldBeOfType<AttemptOutcome.Failed>();

        failed.Failure.Code.ShouldBe(FailureCode.TimedOut);
        failed.Failure.Detail.ShouldContain("50 ms of its limit");
    }

    [Fact]
    public async Task Cancellation_InACallOfACall_StopsAll()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        _market.Add("slow", GuestPrograms.EndlessLoop, limits: CallMarket.Limits with { Fuel = long.MaxValue / 2 });
        _market.Add("middle", CallPrograms.Caller("stoa/slow@1.0.0"), uses: CallMarket.Use("slow", maxPrice: "0.1"));
        _market.Add("caller", CallPrograms.Caller("stoa/middle@1.0.0"), limits: CallMarket.Limits with { MemoryBytes = 64 << 20 }, uses: CallMarket.Use("middle"));

        var running = _market.RunAsync("caller", s_hello, stop.Token);
        while (_market.Calls?.Count is null or < 2)
            await Task.Yield();
        await stop.CancelAsync();

        (await running).ShouldBeOfType<AttemptOutcome.Stopped>();
    }

    private static string Expect(int result, string call) => FormattableString.Invariant($"(if (i32.ne {call} (i32.const {result})) (then unreachable)) ");
}
