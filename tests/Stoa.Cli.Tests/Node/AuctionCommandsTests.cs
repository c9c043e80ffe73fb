using System.Text.Json;
using Stoa.Primitives;

namespace Stoa.Cli.Tests.Node;

[Collection(RealNode.Turns)]
public sealed class AuctionCommandsTests(RealNode node) : IDisposable
{
    private const string Agent = "stoa/markdown-html";
    private readonly TestCli _cli = node.Cli();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Task_PutOutToBids_IsWonShownVerifiedAndPaidAsAwarded()
    {
        (await _cli.RunAsync($"agent bidding set {Agent} --factor 0.5")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("0.500000 of its posted prices");
        try
        {
            (await _cli.RunAsync(["task", "submit", "--capability", "text.markdown-to-html", "--text", "# Hello", "--auction", "--window", "50ms", "--max-price", "0.5", "--json"])).ShouldBe(ExitCode.Ok, _cli.Error);
            var task = JsonDocument.Parse(_cli.Output).RootElement;
            var id = task.GetProperty("id").GetString();
            task.GetProperty("auction").GetProperty("state").GetString().ShouldBe("awarded");

            (await _cli.RunAsync($"task auction {id} --verify")).ShouldBe(ExitCode.Ok, _cli.Error);
            _cli.Output.ShouldContain("the same ranking, the same prices");
            _cli.Output.ShouldContain("won");
            (await _cli.RunAsync($"task selection {id}")).ShouldBe(ExitCode.Ok, _cli.Error);
            _cli.Output.ShouldContain($"An auction decided: {Agent}@1.0.0 has the task.");
            _cli.Output.ShouldEndWith("\twon\n");
            (await _cli.RunAsync($"task show {id}")).ShouldBe(ExitCode.Ok, _cli.Error);
            _cli.Output.ShouldContain($"stoa task auction {id}");
            (await _cli.RunAsync($"receipt verify {id} --rerun")).ShouldBe(ExitCode.Ok, _cli.Error);
            _cli.Output.ShouldContain("Its rates are those of the award");
            (await _cli.RunAsync($"receipt verify {id} --json")).ShouldBe(ExitCode.Ok, _cli.Error);
            JsonDocument.Parse(_cli.Output).RootElement.GetProperty("awardConfirms").GetBoolean().ShouldBeTrue();
            (await _cli.RunAsync($"auction show {task.GetProperty("auction").GetProperty("id").GetString()} --json")).ShouldBe(ExitCode.Ok, _cli.Error);
            JsonDocument.Parse(_cli.Output).RootElement.GetProperty("award").GetProperty("payload").GetString().ShouldNotBeNullOrEmpty();
            (await _cli.RunAsync($"task auction {id} --verify --node QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N")).ShouldBe(ExitCode.Refused);
            _cli.Error.ShouldContain("The award is of node");
        }
        finally
        {
            (await _cli.RunAsync($"agent bidding reset {Agent}")).ShouldBe(ExitCode.Ok, _cli.Error);
        }
    }

    [Fact]
    public async Task Bidding_IsSetInEachWayAndShown()
    {
        using var key = PrivateKey.Generate();
        await File.WriteAllTextAsync(Path.Combine(_cli.Folder, "bidder.pem"), key.ToPem(), TestContext.Current.CancellationToken);
        const string agent = "stoa/csv-profile";
        (string Option, string Shown)[] ways =
        [
            ("--posted", "its posted prices"), ("--none", "never"), ("--price 0.001", "$0.001000000 for a task"),
            ("--idle 0.5 --busy 0.9 --full-load 3", "0.500000 of its posted prices when idle, and up to 0.900000 at 3 tasks"), ("--key bidder.pem", "by a service of yours"),
        ];
        try
        {
            foreach (var (option, shown) in ways)
            {
                (await _cli.RunAsync($"agent bidding set {agent} {option}")).ShouldBe(ExitCode.Ok, _cli.Error);
                (await _cli.RunAsync($"agent bidding show {agent}")).ShouldBe(ExitCode.Ok, _cli.Error);
                _cli.Output.ReplaceLineEndings(" ").ShouldContain(shown);
            }
        }
        finally
        {
            (await _cli.RunAsync($"agent bidding reset {agent}")).ShouldBe(ExitCode.Ok, _cli.Error);
        }

        _cli.Output.ShouldContain("as the operator has it");
        (await _cli.RunAsync($"agent bidding set {agent} --factor 1.5")).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain("0\" to \"1");
        (await _cli.RunAsync($"agent bidding set {agent} --factor 0.5 --price 1")).ShouldBe(ExitCode.Usage);
        (await _cli.RunAsync($"agent bidding set {agent}")).ShouldBe(ExitCode.Usage);
        (await _cli.RunAsync($"auction bid auction_01h2xcejqtf2nbrexx3vqjhp41 {agent} --factor 0.5 --key bidder.pem")).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain("no auction");
        (await _cli.RunAsync($"auction bid auction_01h2xcejqtf2nbrexx3vqjhp41 {agent} --key bidder.pem")).ShouldBe(ExitCode.Usage);
        (await _cli.RunAsync("task submit stoa/markdown-html --text x --auction")).ShouldBe(ExitCode.Usage);
    }
}
