using System.Text.RegularExpressions;
using Stoa.Market.Tasks;

namespace Stoa.Market.Tests.Tasks;

public sealed class AgentTaskTests
{
    private static readonly DateTimeOffset s_later = TaskSamples.Now.AddMinutes(1);

    private static readonly Dictionary<string, Func<AgentTask, AgentTask>> s_verbs = new()
    {
        ["Claim"] = task => task.Claim("node/boot", s_later),
        ["Succeed"] = task => task.Succeed(TaskSamples.Result(), s_later),
        ["Fail"] = task => task.Fail(TaskSamples.Failure(FailureCode.Trap), s_later),
        ["Retry"] = task => task.Retry(s_later),
        ["HandBack"] = task => task.HandBack(s_later),
        ["Lose"] = task => task.Lose(s_later),
        ["GiveUp"] = task => task.GiveUp(TaskSamples.Failure(FailureCode.NodeLost), s_later),
        ["RequestCancel"] = task => task.RequestCancel(s_later),
        ["Cancel"] = task => task.Cancel(s_later),
        ["Expedite"] = task => task.Expedite(s_later),
    };

    private static readonly Dictionary<string, AgentTask> s_states = new()
    {
        ["queued"] = TaskSamples.Queued(),
        ["running"] = TaskSamples.Running(),
        ["succeeded"] = TaskSamples.Running().Succeed(TaskSamples.Result(), s_later),
        ["failed"] = TaskSamples.Running().Fail(TaskSamples.Failure(FailureCode.Trap), s_later),
        ["cancelled"] = TaskSamples.Queued().Cancel(s_later),
    };

    /// <summary>Every state with every verb: the state that follows and what is counted, or null where the verb does not fit.</summary>
    public static TheoryData<string, string, string?, int, int> Transitions()
    {
        var data = new TheoryData<string, string, string?, int, int>();
        var fits = new Dictionary<(string, string), (string, int, int)>
        {
            [("queued", "Claim")] = ("running", 0, 0),
            [("queued", "Cancel")] = ("cancelled", 0, 0),
            [("queued", "Expedite")] = ("queued", 0, 0),
            [("running", "Succeed")] = ("succeeded", 1, 0),
            [("running", "Fail")] = ("failed", 1, 0),
            [("running", "Retry")] = ("queued", 1, 0),
            [("running", "HandBack")] = ("queued", 0, 0),
            [("running", "Lose")] = ("queued", 0, 1),
            [("running", "GiveUp")] = ("failed", 0, 1),
            [("running", "RequestCancel")] = ("running", 0, 0),
            [("running", "Cancel")] = ("cancelled", 0, 0),
        };
        foreach (var state in s_states.Keys)
        {
            foreach (var verb in s_verbs.Keys)
            {
                var (next, attempts, losses) = fits.TryGetValue((state, verb), out var fit) ? fit : (null, 0, 0);
                data.Add(state, verb, next, attempts, losses);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Transitions))]
    public void Verb_OnAState_LeadsWhereThePictureSays(string state, string verb, string? next, int attempts, int losses)
    {
        var task = s_states[state];
        if (next is null)
        {
            Should.Throw<InvalidOperationException>(() => s_verbs[verb](task)).Message.ShouldContain(verb);
            return;
        }

        var after = s_verbs[verb](task);
        after.State.Name.ShouldBe(next);
        (after.Attempts - task.Attempts, after.Losses - task.Losses).ShouldBe((attempts, losses));
    }

    [Fact]
    public void Claim_AgainAndAgain_RaisesTheToken()
    {
        var task = TaskSamples.Queued();
        for (var token = 1; token <= 4; token++)
        {
            task = task.Claim("node/boot", s_later);
            task.State.ShouldBeOfType<TaskState.Running>().Lease.Token.ShouldBe(token);
            task = task.HandBack(s_later);
        }
    }

    [Fact]
    public void RequestCancel_Twice_KeepsTheFirstInstant() =>
        TaskSamples.Running().RequestCancel(TaskSamples.Now).RequestCancel(s_later).CancelRequestedAt.ShouldBe(TaskSamples.Now);

    [Fact]
    public void Picture_InTheDocs_ShowsTheSameStates()
    {
        var picture = File.ReadAllText(FindInRepository("docs/task-states.md"));

        Regex.Matches(picture, @"^    (\w+) --> ", RegexOptions.Multiline).Select(match => match.Groups[1].Value).Distinct()
            .ShouldBe(TaskStateNames.All, ignoreOrder: true);
    }

    private static string FindInRepository(string path)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Stoa.slnx")))
            folder = folder.Parent ?? throw new InvalidOperationException("The tests run from a build inside the repository.");
        return Path.Combine(folder.FullName, path);
    }
}
