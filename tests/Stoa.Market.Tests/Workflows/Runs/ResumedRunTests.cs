using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Stoa.Market.Expressions;
using Stoa.Market.Workflows;
using Stoa.Market.Workflows.Runs;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Workflows.Runs;

/// <summary>Runs of workflows by chance that fail, time out or are cancelled anywhere, and are resumed until they succeed: what they then give is what the simplest interpreter makes of how each node ended.</summary>
public sealed class ResumedRunTests
{
    private const string Input = """{ "n": 3, "list": [1, "two", { "three": 3 }] }""";
    private const int MaxResumes = 12;
    private const string Undo = "!undo";

    [Theory]
    [InlineData(0, 250, 0, 0, 0, 0, false)]
    [InlineData(10_000, 150, 3, 0, 0, 0, false)]
    [InlineData(20_000, 150, 2, 4, 0, 0, false)]
    [InlineData(30_000, 150, 2, 4, 12, 0, false)]
    [InlineData(40_000, 60, 2, 4, 12, 5, false)]
    [InlineData(50_000, 250, 2, 0, 12, 0, true)]
    public void Run_ThatIsResumed_ComesToWhatItsNodesSay(int firstSeed, int count, int uses, int hurriesEvery, int cancelsEvery, int losesEvery, bool isStrict)
    {
        var (resumed, ended) = (0, new Dictionary<RunState, int>());
        for (var seed = firstSeed; seed < firstSeed + count; seed++)
        {
            var check = new Check(seed, new RandomTerms(uses, hurriesEvery > 0, isStrict), hurriesEvery, cancelsEvery, losesEvery);
            check.Run();
            resumed += check.Resumes > 0 && check.State is RunState.Succeeded ? 1 : 0;
            ended[check.State] = ended.GetValueOrDefault(check.State) + 1;
        }

        // Chance has it that most come to an end after some time, and that many had to be resumed for it.
        ended[RunState.Succeeded].ShouldBeGreaterThan(count / 2);
        resumed.ShouldBeGreaterThan(count / 10);
    }

    private sealed class Check
    {
        private readonly int _seed;
        private readonly RandomTerms _terms;
        private readonly JsonObject _document;
        private readonly RunDriver _driver;
        private readonly ReferenceInterpreter _paths;

        public Check(int seed, RandomTerms terms, int hurriesEvery, int cancelsEvery, int losesEvery)
        {
            (_seed, _terms) = (seed, terms);
            var random = new Random(seed);
            _document = RandomWorkflow.Make(random, terms);
            var workflow = WorkflowReaderTests.Read(_document.ToJsonString());
            WorkflowCheck.Find(workflow).ShouldBeEmpty($"seed {seed}");
            _driver = new RunDriver(workflow, Input, Work, random) { HurriesEvery = hurriesEvery, CancelsEvery = cancelsEvery, LosesEvery = losesEvery };
            _paths = new ReferenceInterpreter(_document, JsonNode.Parse(Input)!, (_, _, _) => (true, null));
        }

        public int Resumes { get; private set; }

        public RunState State => _driver.Run.State;

        public void Run()
        {
            _driver.Begin().GoOn();
            LookAtTheEnd(begunBefore: 0);
            for (; State is not RunState.Succeeded && Resumes < MaxResumes; Resumes++)
            {
                var kept = _driver.Run.Steps.Where(step => step.State is StepState.Succeeded).Select(step => step.Path).ToHashSet();
                var begun = _driver.Begun.Count;
                _driver.Happens(new RunEvent.Resumed());
                _driver.GoOn();
                LookAtTheEnd(begun);
                // Where nothing is undone and no failure is put up with, nothing that was done is done again.
                if (_terms.IsStrict)
                    _driver.Begun.Skip(begun).ShouldAllBe(begin => !kept.Contains(begin.Path), Told);
            }

            if (State is RunState.Succeeded)
                CompareWithTheReference();
        }

        private string Told => $"seed {_seed}, after {Resumes} resumptions: {_driver.Run.Error}\n{_document}";

        private WorkOutcome Work(RunCommand.Begin begin) => ContentHash.Of(Encoding.UTF8.GetBytes($"{_seed} {begin.Path} {begin.Attempt}")).Hex[0] is '0' or '1'
            ? new WorkOutcome.Failed("broken", "It is broken.")
            : new WorkOutcome.Done(ExpressionValue.Of(JsonElement.Parse(Result(begin.Path, JsonNode.Parse(RunDriver.Json(begin.Body))).ToJsonString())), default);

        private void LookAtTheEnd(int begunBefore)
        {
            _driver.Run.HasEnded.ShouldBeTrue(Told);
            _driver.Run.Steps.ShouldAllBe(step => step.State >= StepState.Succeeded, Told);
            // A path and a number name one attempt for ever.
            _driver.Begun.Select(begin => (begin.Path, begin.Attempt)).ShouldBeUnique(Told);
            var undone = _driver.Begun.Skip(begunBefore).Where(begin => begin.Path.EndsWith(Undo, StringComparison.Ordinal)).Select(begin => begin.Path[..^Undo.Length]).ToList();
            undone.ShouldBeUnique(Told);
            if (State is RunState.Succeeded)
            {
                undone.ShouldBeEmpty(Told);
                return;
            }

            var done = Enumerable.Reverse(Done()).Where(path => _driver.Run.Steps.Any(step => step.Path == path && step.State is StepState.Succeeded)).ToList();
            undone.Where(path => _paths.NodeAt(path)["task"] is not null).ShouldBe(done, Told);
        }

        /// <summary>Tasks that have something which undoes them and that are done and were not undone before, in the order in which they ended.</summary>
        private List<string> Done()
        {
            var done = new List<string>();
            // What has happened at the end of the run before is over: what it undid was done then.
            var happened = _driver.Happened.ToList();
            var last = happened.FindLastIndex(each => each is RunEvent.Resumed);
            foreach (var (place, each) in happened.Index())
            {
                if (each is not RunEvent.WorkEnded { Outcome: WorkOutcome.Done } ended)
                    continue;
                if (!ended.Path.EndsWith(Undo, StringComparison.Ordinal))
                    done.Add(ended.Path);
                else if (place < last)
                    done.Remove(ended.Path[..^Undo.Length]);
            }

            // Each once, where it was done last.
            return [.. Enumerable.Reverse(done).Distinct().Reverse().Where(path => _paths.NodeAt(path)["compensate"] is not null)];
        }

        private void CompareWithTheReference()
        {
            var steps = _driver.Run.Steps.ToDictionary(step => step.Path);
            var given = _driver.Begun.GroupBy(begin => begin.Path).ToDictionary(begins => begins.Key, begins => RunDriver.Json(begins.Last().Body));
            var reference = new ReferenceInterpreter(
                _document,
                JsonNode.Parse(Input)!,
                (path, _, body) => steps[path].State is StepState.Succeeded && JsonNode.DeepEquals(JsonNode.Parse(given[path]), body) ? (true, Result(path, body)) : (false, null))
            {
                IsStopped = path => !steps.TryGetValue(path, out var step) || step.State is StepState.Cancelled,
                Fails = path => steps[path].Error is { Code: "timedOut" } error && error.Path == path,
            };

            var (state, output) = reference.Run();

            state.ShouldBe(RunState.Succeeded, Told);
            JsonNode.DeepEquals(JsonNode.Parse(RunDriver.Json(_driver.Run.Output)), output).ShouldBeTrue($"{RunDriver.Json(_driver.Run.Output)} and not {output?.ToJsonString()}\n{Told}");
        }

        private static JsonObject Result(string path, JsonNode? body) => new() { ["path"] = path, ["body"] = body?.DeepClone() };
    }
}
