using System.Text.Json;
using System.Text.Json.Nodes;

namespace Stoa.Cli.Tests.Node;

[Collection(RealNode.Turns)]
public sealed class LedgerCommandsTests(RealNode node) : IDisposable
{
    private readonly TestCli _cli = node.Cli();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Journal_AfterWork_IsVerifiedAlsoAgainstAnEarlierCheckpoint()
    {
        (await _cli.RunAsync("ledger checkpoint -o before.json")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync(["task", "submit", "stoa/markdown-html", "--text", "# Hello", "--json"])).ShouldBe(ExitCode.Ok, _cli.Error);

        (await _cli.RunAsync("ledger verify --checkpoint before.json")).ShouldBe(ExitCode.Ok, _cli.Output + _cli.Error);
        _cli.Output.ShouldContain("every hash follows the one before it");
        _cli.Output.ShouldContain("all of them come to zero");
        _cli.Output.ShouldContain("Nothing up to block");
        (await _cli.RunAsync("ledger verify --json")).ShouldBe(ExitCode.Ok, _cli.Error);
        var told = JsonDocument.Parse(_cli.Output).RootElement;
        told.GetProperty("holds").GetBoolean().ShouldBeTrue();
        told.GetProperty("entries").GetInt64().ShouldBeGreaterThan(4);
        told.GetProperty("findings").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task Checkpoint_ThatWasChanged_IsRefused()
    {
        (await _cli.RunAsync("ledger checkpoint")).ShouldBe(ExitCode.Ok, _cli.Error);
        var envelope = JsonNode.Parse(_cli.Output)!;
        var payload = Convert.FromBase64String(envelope["payload"]!.GetValue<string>());
        payload[^3] ^= 1;
        envelope["payload"] = Convert.ToBase64String(payload);
        await File.WriteAllTextAsync(Path.Combine(_cli.Folder, "changed.json"), envelope.ToJsonString(), Stop);
        await File.WriteAllTextAsync(Path.Combine(_cli.Folder, "nonsense.json"), "{}", Stop);

        foreach (var file in new[] { "changed.json", "nonsense.json" })
            (await _cli.RunAsync($"ledger verify --checkpoint {file}")).ShouldBe(ExitCode.Refused, file);
    }

    [Fact]
    public async Task Balance_ComesToZeroAndStatementIsCsv()
    {
        (await _cli.RunAsync("ledger balance")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.Split('\n').Single(line => line.StartsWith("all\t", StringComparison.Ordinal)).Split('\t')[2].ShouldBe("$0.00");

        (await _cli.RunAsync("wallet export -o statement.csv")).ShouldBe(ExitCode.Ok, _cli.Error);
        var lines = await File.ReadAllLinesAsync(Path.Combine(_cli.Folder, "statement.csv"), Stop);
        lines[0].ShouldBe("time,transfer,kind,purpose,amount,cause");
        lines[^1].ShouldContain(",posted,deposit,10.000000000,");
        lines.ShouldAllBe(line => line.Split(',').Length == 6);
    }
}
