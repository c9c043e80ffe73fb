using System.CommandLine;
using Stoa.Cli.Commands;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;
using Stoa.Node.Http;

namespace Stoa.Cli.Tests.Terminal;

public sealed class CommandWordsTests
{
    private static readonly string[] s_wordsOfTheApi = ["/api/v1", "/reference", "/openapi", "limits.f", "limits.m", "limits.t", "maxPrice", "dueAt", "deadlineMs", "the member", "JSON Pointer", "in errors"];

    // These speak to whoever writes requests by hand; the command line does not send such.
    private static readonly string[] s_ofRequests = ["notFound", "notAcceptable", "unsupportedMediaType"];

    public static TheoryData<string> Codes => [.. Problems.All.Keys.Except(s_ofRequests)];

    [Theory]
    [MemberData(nameof(Codes))]
    public void Problem_OfAnyKind_IsSaidWithoutWordsOfTheApi(string code)
    {
        var kind = Problems.All[code];
        var problem = new Problem(kind.Type, kind.Title, kind.Status, kind.Remedy, code, code == "requestInvalid" ? [new ProblemError("", "because")] : null);

        var said = CommandWords.OfTasks.Detail(problem);

        foreach (var word in s_wordsOfTheApi)
            said.ShouldNotContain(word);
    }

    [Theory]
    [InlineData("You have no template tmpl_1. List those that you have with GET /api/v1/templates.", "You have no template tmpl_1. List those that you have with stoa template list.")]
    [InlineData("No agent here can do a.b. GET /api/v1/agents?capability=a.b lists who can do the first of it.", "No agent here can do a.b. stoa agent list --capability a.b lists who can do the first of it.")]
    [InlineData("GET /api/v1/listings?capability=a.b lists who can", "stoa listing search --capability a.b lists who can")]
    [InlineData("watch GET /api/v1/batches/batch_1/events.", "watch stoa batch watch batch_1.")]
    [InlineData("GET /api/v1/agents/{publisher}/{name} lists the parameters.", "stoa agent show PUBLISHER/NAME lists the parameters.")]
    [InlineData("would hold 0.002520001 USD, more than the 0.001000000 that you allow", "would hold $0.002520001, more than the $0.001 that you allow")]
    [InlineData("Raise limits.timeoutMs if the agent allows more, or give less input.", "Raise --timeout if the agent allows more, or give less input.")]
    public void Text_OfTheApi_IsSaidInCommandsAndOptions(string api, string said) => CommandWords.OfTasks.Text(api).ShouldBe(said);

    [Theory]
    [InlineData("task submit", "/limits/timeoutMs", "--timeout")]
    [InlineData("task submit", "/requirement/weights/price", "--prefer")]
    [InlineData("task submit", "/maxPrice", "--max-price")]
    [InlineData("task submit", "/parameters/width", "--param width")]
    [InlineData("task submit", "/input", "the input")]
    [InlineData("task submit", "/input/rows/3", "the input at /rows/3")]
    [InlineData("task submit", "/unheard/of", "unheard.of")]
    [InlineData("task submit", "", "")]
    [InlineData("schedule create", "/timeZone", "--zone")]
    [InlineData("schedule create", "/task/maxPrice", "--max-price")]
    [InlineData("wallet deposit", "/amount", "AMOUNT")]
    [InlineData("agent bidding set", "/idle", "--idle")]
    [InlineData("batch submit", "/tasks/1/limits/fuel", "/tasks/1/limits/fuel")]
    [InlineData("agent publish", "/limits/fuel", "/limits/fuel")]
    public void Place_InARequest_IsAnOptionOrArgumentOfTheCommand(string command, string pointer, string word)
    {
        using var cli = new TestCli();
        var found = command.Split(' ').Aggregate((Command)StoaRootCommand.Create(cli.Surroundings()), (group, name) => group.Subcommands.Single(sub => sub.Name == name));

        new CommandWords(found).Place(pointer).ShouldBe(word);
    }
}
