namespace Stoa.Cli.Tests.Commands;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("tsak", "Did you mean: stoa task?")]
    [InlineData("task sumbit", "Did you mean: stoa task submit?")]
    [InlineData("task list --stat running", "Did you mean: --state?")]
    [InlineData("task list --jsn", "Did you mean: --json?")]
    [InlineData("agent publsh", "Did you mean: stoa agent publish?")]
    [InlineData("frobnicate", "'stoa' has no command 'frobnicate'.")]
    [InlineData("status now", "'stoa status' has no argument 'now'.")]
    [InlineData("task submit", "AGENT or --capability is expected")]
    [InlineData("task submit --capability a.b one two", "there is no AGENT")]
    [InlineData("task submit a/b --deadline 5s", "go with --capability")]
    [InlineData("task submit a/b --scope network", "go with --capability")]
    [InlineData("task submit --capability a.b --scope everywhere", "everywhere")]
    [InlineData("task submit --capability a.b --runs 3", "--runs goes with AGENT")]
    [InlineData("task submit a/b --agree 2", "--agree goes with --runs.")]
    [InlineData("task submit a/b f --param width", "--param is written as NAME=VALUE; 'width' is not.")]
    [InlineData("task submit a/b f --param w=1 --param w=2", "--param w is there twice.")]
    [InlineData("task submit a/b f --memory lots", "'lots' is not a size")]
    [InlineData("task submit a/b f --timeout 5y", "'5y' is not a time")]
    [InlineData("task submit a/b f --fuel -1", "'-1' is not a number")]
    [InlineData("task submit a/b f --text x", "Either FILE or --text is the input, not both.")]
    [InlineData("task submit nonsense --text x", "'nonsense' is not an agent")]
    [InlineData("task submit a/b missing.png", "missing.png")]
    [InlineData("task submit a/b --text { --json-input", "The input is not JSON")]
    [InlineData("task replay task_01h2xcejqtf2nbrexx3vqjhp41 --again", "--again goes with --all-failed")]
    [InlineData("task list --state sleeping", "sleeping")]
    [InlineData("task list --state runing", "--state is queued, running, succeeded, failed or cancelled; 'runing' is not. Did you mean running?")]
    [InlineData("task submit a/b f --priority hgih", "Did you mean high?")]
    [InlineData("task submit a/b f --at tomorrow", "'tomorrow' is not a time such as 2030-01-31T08:00:00Z")]
    [InlineData("task submit a/b f --max-price -1", "'-1' is not an amount of dollars")]
    [InlineData("task submit a/b f --max-price 0.0000000001", "at most nine decimals")]
    [InlineData("task submit --capability a.b f --min-reputation high", "--min-reputation takes a number such as 0.9; 'high' is not one.")]
    [InlineData("task submit a/b f --priority", "--priority needs a value: --priority WORD.")]
    [InlineData("task show", "'stoa task show' needs TASK.")]
    [InlineData("wallet deposit", "'stoa wallet deposit' needs HANDLE and AMOUNT.")]
    [InlineData("task show abc", "'abc' is not the id of a task: those look like task_01h")]
    [InlineData("task show batch_01h2xcejqtf2nbrexx3vqjhp41", "is the id of a batch, not of a task. See: stoa batch show batch_01h2xcejqtf2nbrexx3vqjhp41")]
    [InlineData("batch show task_01h2xcejqtf2nbrexx3vqjhp41", "is the id of a task, not of a batch. See: stoa task show task_01h2xcejqtf2nbrexx3vqjhp41")]
    [InlineData("review show other_01h2xcejqtf2nbrexx3vqjhp41", "is not the id of a review or a task: those begin with rev_ or task_.")]
    [InlineData("blob get abc", "'abc' is not a digest")]
    [InlineData("task list --limit 0", "--limit is at least 1.")]
    [InlineData("task list --address ftp://x", "'ftp://x' is not the address of a node")]
    [InlineData("completion tcsh", "tcsh")]
    [InlineData("agent new Hello!", "'Hello!' cannot be an agent's name")]
    [InlineData("agent build", "There is no agent.json")]
    [InlineData("model serve a.gguf", "llama.cpp's libraries are not known.")]
    [InlineData("model serve a.gguf --library . --slots 1000", "Slots are from 1 to 256.")]
    [InlineData("up --model a.gguf", "--model is written as PUBLISHER/NAME@VERSION=FILE")]
    [InlineData("login", "Who signs in?")]
    public async Task WrongCommandLine_IsExplained(string commandLine, string explanation)
    {
        using var cli = new TestCli();

        (await cli.RunAsync(commandLine)).ShouldBe(ExitCode.Usage);

        cli.Error.ShouldContain(explanation);
        cli.OutputBytes.ShouldBeEmpty();
    }

    [Fact]
    public async Task WrongCommandLine_WithJson_IsExplainedInJson()
    {
        using var cli = new TestCli();

        (await cli.RunAsync("--json tsak")).ShouldBe(ExitCode.Usage);

        cli.Error.Trim().Split('\n').Length.ShouldBe(1);
        System.Text.Json.JsonDocument.Parse(cli.Error).RootElement.GetProperty("code").GetString().ShouldBe("usage");
    }

    [Theory]
    [InlineData(400, ExitCode.Refused)]
    [InlineData(401, ExitCode.NotAuthorized)]
    [InlineData(402, ExitCode.Refused)]
    [InlineData(403, ExitCode.NotAuthorized)]
    [InlineData(404, ExitCode.Refused)]
    [InlineData(500, ExitCode.Refused)]
    public async Task Refusal_ByItsStatus_GivesItsExitCode(int status, int exitCode)
    {
        using var cli = new TestCli();
        await using var node = (await FakeNode.StartAsync()).On("GET /api/v1/wallet", status, Samples.Problem(status, "someCode", "the detail"));

        (await cli.RunAsync($"wallet --address {node.Address}")).ShouldBe(exitCode);

        cli.Error.ShouldContain("the detail");
        cli.Error.ShouldContain("price.base");
        cli.Error.ShouldContain("is negative");
    }

    [Fact]
    public async Task Refusal_WithJson_IsTheProblemAsItCame()
    {
        using var cli = new TestCli();
        await using var node = (await FakeNode.StartAsync()).On("GET /api/v1/wallet", 402, Samples.Problem(402, "insufficientFunds"));

        (await cli.RunAsync($"wallet --json --address {node.Address}")).ShouldBe(ExitCode.Refused);

        var problem = System.Text.Json.JsonDocument.Parse(cli.Error).RootElement;
        problem.GetProperty("code").GetString().ShouldBe("insufficientFunds");
        problem.GetProperty("errors")[0].GetProperty("pointer").GetString().ShouldBe("/price/base");
        cli.OutputBytes.ShouldBeEmpty();
    }

    [Fact]
    public async Task NoNode_IsSaidWithWhatToDo()
    {
        using var cli = new TestCli();
        var node = await FakeNode.StartAsync();
        var address = node.Address;
        await node.DisposeAsync();

        (await cli.RunAsync($"status --address {address}")).ShouldBe(ExitCode.NodeUnreachable);

        cli.Error.ShouldContain("stoa up");
    }

    [Theory]
    [InlineData("stoa ta", "task")]
    [InlineData("stoa task sub", "submit")]
    [InlineData("stoa task list --st", "--state")]
    [InlineData("stoa task list --state ", "running")]
    [InlineData("stoa completion ", "fish")]
    public async Task Suggestion_OfALine_HasWhatFits(string line, string expected)
    {
        using var cli = new TestCli();

        await cli.RunAsync([$"[suggest:{line.Length}]", line]);

        cli.Output.Split('\n').ShouldContain(expected);
    }

    [Theory]
    [InlineData("bash", "complete -F")]
    [InlineData("zsh", "compdef")]
    [InlineData("fish", "complete -c stoa")]
    [InlineData("pwsh", "Register-ArgumentCompleter")]
    public async Task Completion_OfAShell_AsksStoaItself(string shell, string hook)
    {
        using var cli = new TestCli();

        (await cli.RunAsync($"completion {shell}")).ShouldBe(ExitCode.Ok);

        cli.Output.ShouldContain(hook);
        cli.Output.ShouldContain("[suggest:");
    }
}
