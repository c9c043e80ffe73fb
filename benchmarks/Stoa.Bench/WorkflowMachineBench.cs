using System.Globalization;
using System.Text;
using System.Text.Json;
using Stoa.Bench.Wasm;
using Stoa.Market.Expressions;
using Stoa.Market.Workflows;
using Stoa.Market.Workflows.Runs;

namespace Stoa.Bench;

/// <summary>Workflows of ten thousand nodes in several shapes: read, checked, and run to the end in memory, without anything being stored or done.</summary>
internal static class WorkflowMachineBench
{
    private const int Nodes = 10_000;
    private const int Rounds = 15;
    private const long Effort = 1_000_000_000;

    private static readonly JsonElement s_result = JsonElement.Parse("""{ "n": 1, "text": "what a task has come to" }""");
    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Adds its figures.</summary>
    public static void Run(Action<string> tell, Figures figures, CancellationToken cancellationToken)
    {
        (string Name, Func<int, string> Make)[] shapes = [("chain", Chain), ("fan", Fan), ("ladder", Ladder), ("map", Mapped)];
        var (slowest, longest, largest) = (double.MaxValue, 0.0, 0.0);
        foreach (var (name, make) in shapes)
        {
            cancellationToken.ThrowIfCancellationRequested();
            tell($"{name}: {Nodes:N0} nodes, and a tenth of that");
            var few = Measure(make(Nodes / 10), Nodes / 10);
            var many = Measure(make(Nodes), Nodes);
            figures.Add($"check_10000_{name}_ms", many.CheckMs);
            figures.Add($"machine_{name}_steps_per_s", Nodes / many.RunMs * 1e3);
            figures.Add($"machine_{name}_bytes_per_step", many.Bytes / Nodes);
            // 1: ten times as many nodes take ten times as long.
            figures.Add($"check_{name}_growth", many.CheckMs / few.CheckMs / 10);
            figures.Add($"machine_{name}_growth", many.RunMs / few.RunMs / 10);
            (slowest, longest, largest) = (Math.Min(slowest, Nodes / many.RunMs * 1e3), Math.Max(longest, many.CheckMs), Math.Max(largest, many.Bytes / Nodes));
        }

        figures.Add("machine_steps_per_s", slowest);
        figures.Add("check_10000_ms", longest);
        figures.Add("bytes_per_step", largest);
        figures.Notes.Add("one core; check is reading and checking the document; a step is a task that is begun with an input which reads others, and ended; machine_steps_per_s, check_10000_ms and bytes_per_step are those of the worst shape");
    }

    /// <summary>Medians of several rounds, after some that are not counted; of the processor alone, which others on the machine do not lengthen.</summary>
    private static (double CheckMs, double RunMs, double Bytes) Measure(string document, int steps)
    {
        var json = Encoding.UTF8.GetBytes(document);
        var (checks, runs) = (new List<double>(), new List<double>());
        Workflow? workflow = null;
        for (var round = -5; round < Rounds; round++)
        {
            var begin = ThreadTime.NowMs;
            workflow = WorkflowReader.Read(json).Value;
            if (WorkflowCheck.Find(workflow).Count > 0)
                throw new BenchmarkException("The workflow does not hold together.");
            var check = ThreadTime.NowMs - begin;
            begin = ThreadTime.NowMs;
            Drive(workflow, steps);
            if (round >= 0)
            {
                checks.Add(check);
                runs.Add(ThreadTime.NowMs - begin);
            }
        }

        var before = GC.GetTotalMemory(forceFullCollection: true);
        var run = Drive(workflow!, steps);
        var bytes = GC.GetTotalMemory(forceFullCollection: true) - before;
        GC.KeepAlive(run);
        return (Figures.Median(checks), Figures.Median(runs), bytes);
    }

    private static WorkflowRun Drive(Workflow workflow, int steps)
    {
        var run = new WorkflowRun(workflow, ExpressionValue.Of(s_result), Effort);
        var begun = new Queue<RunCommand.Begin>();
        Take(run.Begin(s_start));
        var done = 0;
        for (; begun.TryDequeue(out var begin); done++)
            Take(run.Apply(new RunEvent.WorkEnded(begin.Path, begin.Attempt, new WorkOutcome.Done(ExpressionValue.Of(s_result), default)), s_start));
        return run.State is RunState.Succeeded && done == steps ? run : throw new BenchmarkException($"The run ended as {run.State} after {done} steps: {run.Error}");

        void Take(IReadOnlyList<RunCommand> commands)
        {
            foreach (var command in commands)
                begun.Enqueue((RunCommand.Begin)command);
        }
    }

    private static string Chain(int count) => Document(Enumerable.Range(0, count).Select(number => Task(number, number == 0 ? "input.n" : $"nodes.n{number - 1}.output.n")));

    private static string Fan(int count) => Document(
        Enumerable.Range(0, count - 1).Select(number => Task(number, number == 0 ? "input.n" : "nodes.n0.output.n"))
            .Append($$"""{{Name("last")}}: { "task": { "all": [{{string.Join(", ", Enumerable.Range(1, count - 2).Select(number => $"\"${{nodes.n{number}.output.n}}\""))}}] } }"""));

    private static string Ladder(int count) => Document(Enumerable.Range(0, count).Select(number =>
        Task(number, number < 2 ? "input.n" : $"nodes.n{number - 2 - (number % 2)}.output.n", number < 2 ? "input.text" : $"nodes.n{number - 1 - (number % 2)}.output.text")));

    private static string Mapped(int count) => Document([$$"""{{Name("each")}}: { "map": { "over": [{{string.Join(", ", Enumerable.Range(0, count))}}], "most": {{count}}, "parallel": 100, "nodes": { {{Task(0, "item")}} }, "output": "${nodes.n0.output.n}" } }"""]);

    private static string Task(int number, params string[] reads) =>
        string.Create(CultureInfo.InvariantCulture, $$"""{{Name($"n{number}")}}: { "task": { "agent": "stoa/echo", "input": { "json": { {{string.Join(", ", reads.Select((read, place) => $"\"x{place}\": \"${{{read}}}\""))}} } } } }""");

    private static string Name(string name) => $"\"{name}\"";

    private static string Document(IEnumerable<string> nodes) => $$"""{ "name": "many", "nodes": { {{string.Join(", ", nodes)}} } }""";
}
