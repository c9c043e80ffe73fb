using System.Text.Json;
using Stoa.Market.Expressions;
using Stoa.Market.Workflows.Runs;

namespace Stoa.Market.Tests.Workflows.Runs;

public sealed class ResumeTests
{
    private static readonly RunEvent s_resumed = new RunEvent.Resumed();

    [Fact]
    public void Resume_DoesWhatHasFailedAndWhatWaitedForIt_AndNothingThatWasDone()
    {
        var driver = Driver("""{ "a": { "task": { "n": 1 } }, "b": { "task": { "n": "${nodes.a.output.n}" } }, "c": { "task": { "n": "${nodes.b.output.n}" } } }""", "\"${nodes.c.output.n}\"", fails: ["b 1"]);
        driver.Run.State.ShouldBe(RunState.Failed);

        driver.Happens(s_resumed);
        driver.Run.State.ShouldBe(RunState.Running);
        driver.GoOn();

        Begun(driver).ShouldBe(["a 1", "b 1", "b 2", "c 1"]);
        (driver.Run.State, driver.Run.Error, RunDriver.Json(driver.Run.Output)).ShouldBe((RunState.Succeeded, null, "1"));
    }

    [Fact]
    public void Resume_GoesOnWithinMapsLoopsAndBranches()
    {
        const string map = """{ "a": { "map": { "over": [1, 2, 3, 4], "most": 4, "parallel": 1, "nodes": { "t": { "task": { "n": "${item}" } } }, "output": "${nodes.t.output.n}" } } }""";
        var mapped = Driver(map, "\"${nodes.a.output}\"", fails: ["a[2].t 1"]);
        mapped.Happens(s_resumed);
        Begun(mapped.GoOn()).ShouldBe(["a[0].t 1", "a[1].t 1", "a[2].t 1", "a[2].t 2", "a[3].t 1"]);
        RunDriver.Json(mapped.Run.Output).ShouldBe("[1,2,3,4]");

        const string loop = """{ "a": { "loop": { "initial": 0, "while": "${turn < `3`}", "most": 3, "nodes": { "c": { "choose": [{ "nodes": { "t": { "task": { "n": "${turn}" } } }, "output": "${nodes.t.output.n}" }] } }, "output": "${nodes.c.output}" } } }""";
        var looped = Driver(loop, "\"${nodes.a.output}\"", fails: ["a[1].c[0].t 1"]);
        looped.Happens(s_resumed);
        Begun(looped.GoOn()).ShouldBe(["a[0].c[0].t 1", "a[1].c[0].t 1", "a[1].c[0].t 2", "a[2].c[0].t 1"]);
        RunDriver.Json(looped.Run.Output).ShouldBe("2");
    }

    [Fact]
    public void Resume_DoesAgainWhatWasUndone_AndWhatReadIt()
    {
        const string nodes = """{ "a": { "task": { "n": 1 }, "compensate": { "task": { "undo": 1 } } }, "b": { "task": { "n": "${nodes.a.output.n}" } }, "c": { "task": {} }, "d": { "task": {}, "after": ["b", "c"] } }""";
        var driver = Driver(nodes, fails: ["d 1", "d 2"]);

        driver.Happens(s_resumed);
        driver.GoOn();
        driver.Happens(s_resumed);
        driver.GoOn();

        Begun(driver).ShouldBe(["a 1", "c 1", "b 1", "d 1", "a!undo 1", "a 2", "b 2", "d 2", "a!undo 2", "a 3", "b 3", "d 3"], ignoreOrder: true);
        driver.Run.State.ShouldBe(RunState.Succeeded);
    }

    [Fact]
    public void WhatCouldNotBeUndone_KeepsWhatItCameTo_AndIsUndoneTheNextTime()
    {
        var driver = Driver("""{ "a": { "task": { "n": 1 }, "compensate": { "task": { "undo": 1 } } }, "b": { "task": {}, "after": ["a"] } }""", fails: ["b 1", "b 2", "a!undo 1"]);

        driver.Happens(s_resumed);
        driver.GoOn();

        Begun(driver).ShouldBe(["a 1", "b 1", "a!undo 1", "b 2", "a!undo 2"]);
        driver.Run.State.ShouldBe(RunState.Failed);
    }

    [Fact]
    public void AFailureThatWasPutUpWith_IsTriedAgain_AndSoIsWhatReadIt()
    {
        const string nodes = """{ "a": { "task": {}, "onFailure": "skip" }, "b": { "task": { "x": "${nodes.a.state}" } }, "c": { "task": { "x": "${nodes.a.output}" } }, "d": { "task": {} }, "e": { "task": {}, "after": ["b", "d"] } }""";
        var driver = Driver(nodes, "\"${nodes.b.output.x} ${nodes.c.state}\"", fails: ["a 1", "e 1"]);
        driver.Run.Steps.Single(step => step.Path == "c").State.ShouldBe(StepState.Skipped);

        driver.Happens(s_resumed);
        driver.GoOn();

        Begun(driver).Where(begin => begin[0] == 'd').ShouldBe(["d 1"]);
        RunDriver.Json(driver.Run.Output).ShouldBe("\"succeeded succeeded\"");
    }

    [Fact]
    public void Attempts_CountOn_AndAreAsManyAsBefore()
    {
        var driver = Driver("""{ "a": { "task": {}, "retry": { "attempts": 2 }, "fallbacks": [{ "task": { "other": 1 } }] } }""", fails: ["a 1", "a 2", "a 3", "a 4", "a 5"]);
        driver.Run.State.ShouldBe(RunState.Failed);

        driver.Happens(s_resumed);
        driver.GoOn();

        driver.Begun.Select(begin => (begin.Attempt, RunDriver.Json(begin.Body))).ShouldBe([(1, "{}"), (2, "{}"), (3, """{"other":1}"""), (4, "{}"), (5, "{}"), (6, """{"other":1}""")]);
        driver.Run.State.ShouldBe(RunState.Succeeded);
    }

    [Fact]
    public void Timers_OfBefore_MeanNothing_AndTheTimeOfTheRunBeginsAnew()
    {
        var driver = WorkflowRunTests.Driver("""{ "a": { "task": {}, "timeout": "5s" } }""", "0", limits: """{ "time": "1h" }""").Begin();
        var (ofRun, ofNode) = (driver.Open.OfType<RunCommand.Wake>().Single(wake => wake.Path == ""), driver.Open.OfType<RunCommand.Wake>().Single(wake => wake.Path == "a"));
        driver.Happens(new RunEvent.CancelAsked());
        driver.End(driver.Open.OfType<RunCommand.Begin>().Single());
        driver.Run.State.ShouldBe(RunState.Cancelled);

        driver.Happens(s_resumed);
        driver.Wake(ofRun);
        driver.Wake(ofNode);

        driver.Run.State.ShouldBe(RunState.Running);
        driver.Open.OfType<RunCommand.Wake>().Select(wake => (wake.Path, wake.Attempt)).ShouldBe([("", 1), ("a", 1)]);
        driver.Wake(driver.Open.OfType<RunCommand.Wake>().Last());
        driver.End(driver.Open.OfType<RunCommand.Begin>().Single());
        driver.Run.Error!.Code.ShouldBe("timedOut");
    }

    [Fact]
    public void WhatWaits_IsAskedForAgain()
    {
        var driver = Driver("""{ "a": { "wait": { "event": "paid" } }, "b": { "approval": { "text": "Well?" } }, "c": { "wait": { "event": "sent" } } }""", "\"${nodes.a.output} ${nodes.b.output.by} ${nodes.c.output}\"");
        driver.Happens(new RunEvent.Signalled("paid", ExpressionValue.Of(JsonElement.Parse("5"))));
        driver.Happens(new RunEvent.Answered("b", "ada", IsYes: false, ""));
        driver.Run.State.ShouldBe(RunState.Failed);

        driver.Happens(s_resumed);
        driver.Open.OfType<RunCommand.Ask>().Count().ShouldBe(2);
        driver.Open.OfType<RunCommand.Await>().Select(awaited => awaited.Name).ShouldBe(["paid", "sent", "sent"]);
        driver.Happens(new RunEvent.Answered("b", "ada", IsYes: true, ""));
        driver.Happens(new RunEvent.Signalled("sent", ExpressionValue.Of(JsonElement.Parse("6"))));

        RunDriver.Json(driver.Run.Output).ShouldBe("\"5 ada 6\"");
    }

    [Fact]
    public void ALimitOfSteps_IsOfTheWholeRun_HoweverOftenItIsResumed()
    {
        var driver = WorkflowRunTests.Driver("""{ "a": { "task": {} }, "fail": { "task": {}, "after": ["a"] } }""", "0", limits: """{ "steps": 3 }""").Begin().GoOn();
        driver.Happens(s_resumed);
        driver.GoOn();
        driver.Happens(s_resumed);
        driver.GoOn();

        (driver.Run.Error!.Code, driver.Begun.Count).ShouldBe(("limitReached", 3));
    }

    [Fact]
    public void ATurnWhoseOutputCannotBeMade_IsDoneAnew_AndALoopWithoutEndToo()
    {
        var turn = Driver("""{ "a": { "map": { "over": [1, 2], "most": 2, "nodes": { "t": { "task": { "n": "${item}" } } }, "output": "${abs(nodes.t.output.n)}" } } }""", "\"${nodes.a.output}\"", odd: ["a[1].t 1"]);
        turn.Run.Error!.Code.ShouldBe("expressionFailed");
        turn.Happens(s_resumed);
        Begun(turn.GoOn()).ShouldBe(["a[0].t 1", "a[1].t 1", "a[1].t 2"]);
        RunDriver.Json(turn.Run.Output).ShouldBe("[1,2]");

        var loop = Driver("""{ "a": { "loop": { "initial": 0, "while": true, "most": 2, "nodes": { "t": { "task": {} } }, "output": 0 } } }""");
        loop.Run.Error!.Code.ShouldBe("loopUnfinished");
        loop.Happens(s_resumed);
        Begun(loop.GoOn()).ShouldBe(["a[0].t 1", "a[1].t 1", "a[0].t 2", "a[1].t 2"]);
    }

    [Fact]
    public void ARunThatHasNotFailed_IsNotResumed()
    {
        var open = WorkflowRunTests.Driver("""{ "a": { "task": {} } }""", "0").Begin();
        open.Happens(s_resumed);
        open.Open.Count().ShouldBe(1);
        open.GoOn();

        open.Happens(s_resumed);

        (open.Run.State, open.Begun.Count).ShouldBe((RunState.Succeeded, 1));
    }

    private static IEnumerable<string> Begun(RunDriver driver) => driver.Begun.Select(begin => $"{begin.Path} {begin.Attempt}");

    /// <param name="nodes">Of the workflow.</param>
    /// <param name="output">Of the workflow.</param>
    /// <param name="fails">Paths and attempts that fail; others come to what they are given.</param>
    /// <param name="odd">Paths and attempts that come to what nobody expects.</param>
    private static RunDriver Driver(string nodes, string output = "0", string[]? fails = null, string[]? odd = null) => WorkflowRunTests.Driver(nodes, "0", output, begin =>
        (fails ?? []).Contains($"{begin.Path} {begin.Attempt}") ? new WorkOutcome.Failed("broken", "It is broken.")
        : (odd ?? []).Contains($"{begin.Path} {begin.Attempt}") ? new WorkOutcome.Done(ExpressionValue.Of("odd"), default)
        : new WorkOutcome.Done(begin.Body, default)).Begin().GoOn();
}
