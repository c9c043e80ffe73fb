using System.Text.Json;
using Stoa.Market.Expressions;
using Stoa.Market.Workflows;
using Stoa.Market.Workflows.Runs;

namespace Stoa.Market.Tests.Workflows.Runs;

public sealed class WorkflowRunTests
{
    [Fact]
    public void Nodes_ReadWhatOthersHaveComeTo()
    {
        var run = Drive("""{ "a": { "task": { "text": "${input.x}" } }, "b": { "task": { "text": "${nodes.a.output.text}!" } } }""", """{ "x": "hello" }""", output: "\"${nodes.b.output.text}\"");

        (run.Run.State, RunDriver.Json(run.Run.Output)).ShouldBe((RunState.Succeeded, "\"hello!\""));
    }

    [Fact]
    public void Map_RunsSoManyAtOnce_AndKeepsTheOrder()
    {
        var driver = Driver("""{ "each": { "map": { "over": "${input}", "as": "n", "most": 9, "parallel": 2, "nodes": { "in": { "task": { "n": "${n}", "i": "${index}" } } }, "output": "${nodes.in.output.n}" } } }""", "[1,2,3,4,5]", "\"${nodes.each.output}\"").Begin();

        driver.Open.Select(command => command.Path).ShouldBe(["each[0].in", "each[1].in"]);
        driver.End(driver.Open.OfType<RunCommand.Begin>().Last());
        driver.Open.Select(command => command.Path).ShouldBe(["each[0].in", "each[2].in"]);
        driver.GoOn();
        RunDriver.Json(driver.Run.Output).ShouldBe("[1,2,3,4,5]");
    }

    [Theory]
    [InlineData("""{ "a": { "reduce": { "over": "${input}", "most": 9, "initial": 0, "output": "${sum([accumulator, item])}" } } }""", "[1,2,3]", "6")]
    [InlineData("""{ "a": { "reduce": { "over": "${input}", "most": 9, "initial": "x", "nodes": { "in": { "task": { "t": "${accumulator}${item}" } } }, "output": "${nodes.in.output.t}" } } }""", "[1,2,3]", "\"x123\"")]
    [InlineData("""{ "a": { "loop": { "initial": 1, "while": "${state < `100`}", "most": 20, "output": "${sum([state, state])}" } } }""", "0", "128")]
    [InlineData("""{ "a": { "choose": [{ "when": "${input == `1`}", "output": "one" }, { "when": "${input == `2`}", "nodes": { "t": { "task": { "x": 7 } } }, "output": "${nodes.t.output.x}" }, { "output": "many" }] } }""", "2", "7")]
    [InlineData("""{ "a": { "choose": [{ "when": "${input == `1`}", "output": "one" }] } }""", "2", "null")]
    [InlineData("""{ "a": { "map": { "over": "${input}", "most": 10000, "output": "${item}" } } }""", "[]", "[]")]
    public void Turns_GiveWhatTheyComeTo(string nodes, string input, string output)
    {
        var run = Drive(nodes, input, output: "\"${nodes.a.output}\"").Run;

        (run.State, RunDriver.Json(run.Output)).ShouldBe((RunState.Succeeded, output), run.Error?.ToString());
    }

    [Fact]
    public void Turns_ThatBeginNothing_DoNotRecurse()
    {
        var many = JsonSerializer.Serialize(Enumerable.Repeat(1, 10_000));

        RunDriver.Json(Drive("""{ "a": { "reduce": { "over": "${input}", "most": 10000, "initial": 0, "output": "${sum([accumulator, item])}" } } }""", many, output: "\"${nodes.a.output}\"").Run.Output).ShouldBe("10000");
    }

    [Theory]
    [InlineData("""{ "a": { "map": { "over": "${input}", "most": 2, "output": 1 } } }""", "[1,2,3]", "listTooLong", "a")]
    [InlineData("""{ "a": { "map": { "over": "${input}", "most": 2, "output": 1 } } }""", "5", "expressionFailed", "a")]
    [InlineData("""{ "a": { "task": { "x": "${abs(input)}" } } }""", "\"x\"", "expressionFailed", "a")]
    [InlineData("""{ "a": { "loop": { "initial": 0, "while": true, "most": 3, "output": 0 } } }""", "0", "loopUnfinished", "a")]
    [InlineData("""{ "a": { "map": { "over": [1], "most": 2, "nodes": { "fail": { "task": {} } } } } }""", "0", "broken", "a[0].fail")]
    [InlineData("""{ "a": { "wait": { "until": "tomorrow" } } }""", "0", "expressionFailed", "a")]
    public void Failure_OfANode_FailsTheRun(string nodes, string input, string code, string path)
    {
        var run = Drive(nodes, input).Run;

        (run.State, run.Error!.Code, run.Error.Path).ShouldBe((RunState.Failed, code, path));
    }

    [Fact]
    public void Attempts_AreMadeWithDelays_AndThenByOthers()
    {
        var driver = Driver("""{ "a": { "task": { "who": "first" }, "retry": { "attempts": 3, "delay": "10s", "factor": 3 }, "fallbacks": [{ "task": { "who": "second" } }, { "task": { "who": "third" } }] } }""", "0", "\"${nodes.a.output}\"", begin =>
            RunDriver.Json(begin.Body).Contains("third", StringComparison.Ordinal) ? new WorkOutcome.Done(ExpressionValue.Of("done"), default) : new WorkOutcome.Failed("broken", "It is."));

        driver.Begin().GoOn();

        driver.Begun.Select(begin => (begin.Attempt, RunDriver.Json(begin.Body))).ShouldBe(
            [(1, """{"who":"first"}"""), (2, """{"who":"first"}"""), (3, """{"who":"first"}"""), (4, """{"who":"second"}"""), (5, """{"who":"third"}""")]);
        (driver.Run.State, RunDriver.Json(driver.Run.Output)).ShouldBe((RunState.Succeeded, "\"done\""));
    }

    [Fact]
    public void WhatFailsForGood_IsNotTriedAgain_ButSomebodyElseIs()
    {
        var driver = Driver("""{ "a": { "task": { "who": "first" }, "retry": { "attempts": 3 }, "fallbacks": [{ "task": { "who": "second" } }] } }""", "0", "0", begin =>
            begin.Attempt == 1 ? new WorkOutcome.Failed("agentUnknown", "There is none.", IsFinal: true) : new WorkOutcome.Done(default, default));

        driver.Begin().GoOn();

        driver.Begun.Select(begin => RunDriver.Json(begin.Body)).ShouldBe(["""{"who":"first"}""", """{"who":"second"}"""]);
        driver.Run.State.ShouldBe(RunState.Succeeded);
    }

    [Fact]
    public void WhatReadsAFailure_IsSkipped_UnlessItReadsTheState()
    {
        var run = Drive("""
            { "fail": { "task": {}, "onFailure": "skip" },
              "reads": { "task": { "x": "${nodes.fail.output}" } },
              "after": { "task": {}, "after": ["reads"] },
              "asks": { "task": { "x": "${nodes.fail.state} ${nodes.fail.error.code} ${nodes.reads.state}" } },
              "never": { "task": {}, "when": "${input}" } }
            """, "false", output: "\"${nodes.asks.output.x} ${nodes.never.state}\"").Run;

        (run.State, RunDriver.Json(run.Output)).ShouldBe((RunState.Succeeded, "\"failed broken skipped skipped\""));
        run.Steps.Single(step => step.Path == "after").State.ShouldBe(StepState.Skipped);
    }

    [Fact]
    public void Failure_StopsWhatIsAtWork_AndUndoesWhatWasDone()
    {
        var driver = Driver("""
            { "first": { "task": { "n": 1 }, "compensate": { "task": { "undo": "${nodes.first.output.n}" } } },
              "second": { "task": { "n": 2 }, "after": ["first"], "compensate": { "task": { "undo": "${nodes.second.output.n}" } } },
              "beside": { "map": { "over": [1, 2], "most": 2, "nodes": { "slow": { "task": {} } } } },
              "fail": { "task": {}, "after": ["second"] },
              "later": { "task": {}, "after": ["fail"] } }
            """, "0").Begin();
        foreach (var name in (string[])["first", "second", "fail"])
            driver.End(driver.Open.OfType<RunCommand.Begin>().Single(begin => begin.Path == name));

        driver.Run.State.ShouldBe(RunState.Stopping);
        driver.Run.Steps.Single(step => step.Path == "later").State.ShouldBe(StepState.Cancelled);
        driver.GoOn();

        (driver.Run.State, driver.Run.Error!.Code).ShouldBe((RunState.Failed, "broken"));
        driver.Begun.Where(begin => begin.Path.EndsWith("!undo", StringComparison.Ordinal)).Select(begin => RunDriver.Json(begin.Body)).ShouldBe(["""{"undo":2}""", """{"undo":1}"""]);
        driver.Run.Steps.Where(step => step.Path.StartsWith("beside", StringComparison.Ordinal)).ShouldAllBe(step => step.State == StepState.Cancelled);
    }

    [Fact]
    public void Cancelling_EndsWhatWaits_AndWaitsForWhatIsAtWork()
    {
        var driver = Driver("""{ "a": { "task": {} }, "b": { "wait": { "event": "paid" } }, "c": { "approval": { "text": "Well?" } }, "d": { "task": {}, "after": ["a"] } }""", "0").Begin();

        driver.Happens(new RunEvent.CancelAsked());

        driver.Run.State.ShouldBe(RunState.Stopping);
        driver.GoOn();
        driver.Run.State.ShouldBe(RunState.Cancelled);
        driver.Run.Steps.ShouldAllBe(step => step.State == StepState.Cancelled);
        driver.Begun.Count.ShouldBe(1);
    }

    [Fact]
    public void Events_AndPeople_AreWaitedFor()
    {
        var driver = Driver("""{ "a": { "wait": { "event": "paid" } }, "b": { "approval": { "text": "Send ${nodes.a.output.goods}?", "by": ["ada"] } }, "c": { "wait": { "for": "3h" }, "after": ["b"] } }""", "0", "\"${nodes.a.output.goods} by ${nodes.b.output.by}\"").Begin();
        driver.Happens(new RunEvent.Signalled("other", default));
        driver.Happens(new RunEvent.Signalled("paid", ExpressionValue.Of(JsonElement.Parse("""{ "goods": "tea" }"""))));

        var ask = driver.Open.OfType<RunCommand.Ask>().Single();
        ask.Text.ShouldBe("Send tea?");
        ask.By.ShouldBe(["ada"]);
        driver.Happens(new RunEvent.Answered("b", "ada", IsYes: true, ""));
        driver.GoOn();

        (driver.Run.State, RunDriver.Json(driver.Run.Output)).ShouldBe((RunState.Succeeded, "\"tea by ada\""));
    }

    [Fact]
    public void ANo_FailsTheNode()
    {
        var driver = Driver("""{ "a": { "approval": { "text": "Well?" } } }""", "0").Begin();

        driver.Happens(new RunEvent.Answered("a", "ada", IsYes: false, "Too dear."));

        (driver.Run.State, driver.Run.Error!.Code, driver.Run.Error.Detail).ShouldBe((RunState.Failed, "rejected", "ada said no: Too dear."));
    }

    [Fact]
    public void Timeouts_StopANodeWithAllThatIsWithinIt_OrTheRun()
    {
        var driver = Driver("""{ "a": { "map": { "over": [1, 2], "most": 2, "nodes": { "in": { "task": {} } } }, "timeout": "5s", "onFailure": "skip" }, "b": { "task": { "x": "${nodes.a.error.code}" } } }""", "0", "\"${nodes.b.output.x}\"").Begin();

        driver.Wake(driver.Open.OfType<RunCommand.Wake>().Single());
        driver.GoOn();

        (driver.Run.State, RunDriver.Json(driver.Run.Output)).ShouldBe((RunState.Succeeded, "\"timedOut\""));
        var whole = Driver("""{ "a": { "wait": { "event": "never" } } }""", "0", limits: """{ "time": "1h" }""").Begin();
        whole.GoOn();
        (whole.Run.State, whole.Run.Error!.Code).ShouldBe((RunState.Failed, "timedOut"));
    }

    [Fact]
    public void Limit_OfSteps_IsKept()
    {
        var driver = Driver("""{ "a": { "map": { "over": [1, 2, 3, 4], "most": 4, "parallel": 1, "nodes": { "in": { "task": {} } } } } }""", "0", limits: """{ "steps": 3 }""");

        driver.Begin().GoOn();

        (driver.Run.State, driver.Run.Error!.Code, driver.Begun.Count).ShouldBe((RunState.Failed, "limitReached", 3));
    }

    /// <summary>What an attempt comes to: what it was given, unless its node is called fail.</summary>
    internal static WorkOutcome Echo(RunCommand.Begin begin) => begin.Path.EndsWith("fail", StringComparison.Ordinal)
        ? new WorkOutcome.Failed("broken", "It is broken.")
        : new WorkOutcome.Done(begin.Body, default);

    private static RunDriver Drive(string nodes, string input, string output = "0") => Driver(nodes, input, output).Begin().GoOn();

    internal static RunDriver Driver(string nodes, string input, string output = "0", Func<RunCommand.Begin, WorkOutcome>? work = null, string limits = "{}")
    {
        var workflow = WorkflowReaderTests.Read($$"""{ "name": "wf", "nodes": {{nodes}}, "output": {{output}}, "limits": {{limits}} }""");
        WorkflowCheck.Find(workflow).ShouldBeEmpty();
        return new RunDriver(workflow, input, work ?? Echo);
    }
}
