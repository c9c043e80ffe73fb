using System.Text;
using Stoa.Market.Workflows;

namespace Stoa.Market.Tests.Workflows;

public sealed class WorkflowReaderTests
{
    [Fact]
    public void Document_WithAllKinds_IsRead()
    {
        var workflow = Read("""
            { "name": "all-kinds", "description": "All of them.", "input": { "type": "object" }, "limits": { "steps": 10, "price": "0.5", "time": "2h" },
              "nodes": {
                "first": { "task": { "agent": "stoa/echo", "input": { "text": "${input.text}" } }, "when": "${input.text}", "timeout": "30s", "onFailure": "skip",
                  "retry": { "attempts": 3, "delay": "100ms", "factor": 1.5, "maxDelay": "1s" }, "fallbacks": [{ "task": { "agent": "stoa/other" } }, { "model": { "model": "stoa/parrot" } }],
                  "compensate": { "task": { "agent": "stoa/undo" } } },
                "second": { "model": { "model": "stoa/parrot", "messages": [] }, "maxPrice": "0.01", "after": ["first"] },
                "third": { "map": { "over": "${input.list}", "as": "page", "most": 5, "parallel": 2, "nodes": { "inner": { "wait": { "for": "1m" } } }, "output": "${page}" } },
                "fourth": { "reduce": { "over": [1, 2], "most": 2, "initial": 0, "output": "${sum([accumulator, item])}" } },
                "fifth": { "loop": { "initial": 0, "while": "${turn < `3`}", "most": 4, "output": "${state}" } },
                "sixth": { "choose": [{ "when": "${input.text == 'a'}", "output": 1 }, { "output": 2 }] },
                "seventh": { "wait": { "until": "${input.at}" } },
                "eighth": { "wait": { "event": "paid" } },
                "ninth": { "approval": { "text": "Shall ${input.text} be paid?", "by": ["ada"] } } },
              "output": { "all": ["${nodes.fourth.output}"] } }
            """);

        (workflow.Name, workflow.Limits.Steps, workflow.Limits.Time).ShouldBe(("all-kinds", 10, TimeSpan.FromHours(2)));
        workflow.Graph.CountNodes().ShouldBe(10);
        var first = workflow.Graph.Nodes[0];
        (first.Timeout, first.OnFailure, first.Fallbacks.Count, first.Retry).ShouldBe(
            (TimeSpan.FromSeconds(30), OnNodeFailure.Skip, 2, new RetryTerms(3, TimeSpan.FromMilliseconds(100), 1.5, TimeSpan.FromSeconds(1))));
        first.Compensation.ShouldBeOfType<WorkflowWork.RunTask>();
        var map = workflow.Graph.Nodes[2].Work.ShouldBeOfType<WorkflowWork.Map>();
        (map.Item, map.Most, map.Parallel, map.Body.Nodes.Count).ShouldBe(("page", 5, 2, 1));
        workflow.Graph.Nodes.Select(node => node.Work.GetType().Name).ShouldBe(["RunTask", "AskModel", "Map", "Reduce", "Loop", "Choose", "Wait", "Wait", "Approval"]);
        WorkflowCheck.Find(workflow).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("""{ "name": "x y", "nodes": { "a": { "wait": { "for": "1s" } } } }""", "/name", "2 to 64 characters")]
    [InlineData("""{ "name": "wf" }""", "/nodes", "at least one node")]
    [InlineData("""{ "name": "wf", "nodes": { "a": { "wait": { "for": "1s" } } }, "nodse": 1 }""", "/nodse", "Unknown member")]
    [InlineData("""{ "name": "wf", "nodes": { "a-b": { "wait": { "for": "1s" } } } }""", "/nodes/a-b", "a letter first")]
    [InlineData("""{ "name": "wf", "nodes": { "a": { } } }""", "/nodes/a", "has none")]
    [InlineData("""{ "name": "wf", "nodes": { "a": { "task": {}, "model": {} } } }""", "/nodes/a", "task and model")]
    [InlineData("""{ "name": "wf", "nodes": { "a": { "task": "x" } } }""", "/nodes/a/task", "the body of POST /api/v1/tasks")]
    [InlineData("""{ "name": "wf", "nodes": { "a": { "wait": { "for": "1 s" } } } }""", "/nodes/a/wait/for", "a whole number and ms")]
    [InlineData("""{ "name": "wf", "nodes": { "a": { "wait": { "for": "367d" } } } }""", "/nodes/a/wait/for", "at most 366d")]
    [InlineData("""{ "name": "wf", "nodes": { "a": { "wait": { } } } }""", "/nodes/a/wait", "exactly one of for, until and event")]
    [InlineData("""{ "name": "wf", "nodes": { "a": { "wait": { "for": "1s" }, "retry": { "attempts": 2 } } } }""", "/nodes/a", "Only a task or a model is tried again")]
    [InlineData("""{ "name": "wf", "nodes": { "a": { "task": {}, "retry": { "attempts": 11 } } } }""", "/nodes/a/retry/attempts", "from 1 to 10")]
    [InlineData("""{ "name": "wf", "nodes": { "a": { "task": { "x": "${input." } } } }""", "/nodes/a/task/x", "at character")]
    [InlineData("""{ "name": "wf", "nodes": { "a": { "map": { "over": [], "most": 1, "as": "input" } } } }""", "/nodes/a/map/as", "none of")]
    [InlineData("""{ "name": "wf", "nodes": { "a": { "map": { "over": [], "most": 1, "nodes": { "a": { "wait": { "for": "1s" } } } } } } }""", "/nodes/a/map/nodes/a", "two nodes a")]
    [InlineData("""{ "name": "wf", "nodes": { "a": { "reduce": { "over": [], "most": 1, "initial": 0 } } } }""", "/nodes/a/reduce/output", "what the next turn gets")]
    [InlineData("""{ "name": "wf", "nodes": { "a": { "loop": { "initial": 0, "while": true, "most": 1001, "output": 1 } } } }""", "/nodes/a/loop/most", "from 1 to 1,000")]
    [InlineData("""{ "name": "wf", "nodes": { "a": { "choose": [] } } }""", "/nodes/a/choose", "a list of 1 to 64")]
    [InlineData("""{ "name": "wf", "input": 5, "nodes": { "a": { "wait": { "for": "1s" } } } }""", "/input", "JSON Schema")]
    [InlineData("""{ "name": "wf", "name": "wf", "nodes": { } }""", "", "not JSON")]
    [InlineData("""{ "name": "wf", "nodes": { "a": { "wait": { "for": "1s" } } }, "output": "\ud800" }""", "", "Unicode")]
    public void Fault_OfForm_IsToldWithItsPlace(string json, string pointer, string reason)
    {
        var refusal = WorkflowReader.Read(Encoding.UTF8.GetBytes(json)).Refusal.ShouldNotBeNull();

        refusal.Code.ShouldBe(WorkflowRefusal.WorkflowInvalid);
        refusal.Errors.ShouldContain(error => error.Pointer == pointer && error.Reason.Contains(reason), string.Join("\n", refusal.Errors));
    }

    [Fact]
    public void Faults_AreToldAllAtOnce()
    {
        var refusal = WorkflowReader.Read("""{ "nodes": { "a": { "wait": {} }, "b": { "tsk": {} } }, "limits": { "time": 5 } }"""u8.ToArray()).Refusal.ShouldNotBeNull();

        refusal.Errors.Select(error => error.Pointer).ShouldBe(["/name", "/limits/time", "/nodes/a/wait", "/nodes/b", "/nodes/b/tsk"], ignoreOrder: true);
    }

    [Fact]
    public void Nodes_ThatStandTooDeep_AreRefused()
    {
        var json = new StringBuilder("""{ "name": "wf", "nodes": { "n": """);
        for (var depth = 0; depth < 12; depth++)
            json.Append($$"""{ "map": { "over": [], "most": 1, "nodes": { "n{{depth}}": """);
        json.Append("""{ "wait": { "for": "1s" } }""").Insert(json.Length, "} } }", 12).Append(" } }");

        WorkflowReader.Read(Encoding.UTF8.GetBytes(json.ToString())).Refusal!.Errors.ShouldContain(error => error.Reason.Contains("8 levels"));
    }

    [Fact]
    public void Documents_ThatAreHostile_AreRefusedInFewWords()
    {
        var longName = new string('n', 100_000);
        Errors($$"""{ "name": "wf", "nodes": { "a": { "task": { "{{longName}}": [{{string.Join(',', Enumerable.Repeat("0", 10_000))}}] } } } }""").Single().Reason.ShouldContain("at most 256 characters");
        Errors($$"""{ "name": "wf", "nodes": { "{{longName}}": {} } }""").ShouldContain(error => error.Reason.Contains("at most 256 characters"));
        Errors($$"""{ "name": "wf", "nodes": { "a": { "task": [{{string.Join(',', Enumerable.Repeat("0", 200_000))}}] } } }""").Single().Reason.ShouldContain("200,000 values");
        Errors($$"""{ "name": "wf", "nodes": { "a": { "wait": { "for": "1s" }, {{string.Join(',', Enumerable.Range(0, 50_000).Select(number => $"\"m{number}\": 1"))}} } } }""").Count.ShouldBe(1_000);
        Errors($$"""{ "name": "wf", "nodes": { "a": { "task": { "x": [{{string.Join(',', Enumerable.Repeat("\"${\"", 50_000))}}] } } } }""").Count.ShouldBe(1_000);

        static IReadOnlyList<FieldError> Errors(string json) => WorkflowReader.Read(Encoding.UTF8.GetBytes(json)).Refusal!.Errors;
    }

    [Theory]
    [InlineData("[[[[")]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    public void WhatIsNoDocument_IsRefused(string json) => WorkflowReader.Read(Encoding.UTF8.GetBytes(json)).Refusal.ShouldNotBeNull();

    internal static Workflow Read(string json)
    {
        var read = WorkflowReader.Read(Encoding.UTF8.GetBytes(json));
        read.Refusal.ShouldBeNull(string.Join("\n", read.Refusal?.Errors ?? []));
        return read.Value;
    }
}
