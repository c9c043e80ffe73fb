using System.Text.Json;

namespace Stoa.Cli.Tests.Node;

[Collection(RealNode.Turns)]
public sealed class AuditCommandsTests(RealNode node) : IDisposable
{
    private readonly TestCli _cli = node.Cli();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Log_AfterWork_IsListedExportedAndVerifiedOffline()
    {
        (await _cli.RunAsync("audit checkpoint -o before.json")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync("key create audit-test")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync("audit list --act createApiKey --json")).ShouldBe(ExitCode.Ok, _cli.Error);
        JsonDocument.Parse(_cli.Output).RootElement.GetProperty("items")[0].GetProperty("credential").GetString()!.ShouldStartWith("key stoa_");
        (await _cli.RunAsync("audit checkpoint -o after.json")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync("audit export -o log.jsonl")).ShouldBe(ExitCode.Ok, _cli.Error);

        (await _cli.RunAsync("audit verify --checkpoint before.json")).ShouldBe(ExitCode.Ok, _cli.Output + _cli.Error);
        _cli.Output.ShouldContain("every hash follows the one before it");
        _cli.Variables["STOA_ADDRESS"] = "http://127.0.0.1:1";
        foreach (var checkpoint in new[] { "before.json", "after.json" })
            (await _cli.RunAsync($"audit verify log.jsonl --checkpoint {checkpoint}")).ShouldBe(ExitCode.Ok, _cli.Output + _cli.Error);
        (await _cli.RunAsync("audit verify log.jsonl --json")).ShouldBe(ExitCode.Ok, _cli.Error);
        JsonDocument.Parse(_cli.Output).RootElement.GetProperty("holds").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task Log_ThatWasChangedOrCutOff_IsRefused()
    {
        (await _cli.RunAsync("audit export -o log.jsonl")).ShouldBe(ExitCode.Ok, _cli.Error);
        var log = await File.ReadAllTextAsync(Path.Combine(_cli.Folder, "log.jsonl"), Stop);
        _cli.Write("changed.jsonl", log.Replace("\"status\":201", "\"status\":202", StringComparison.Ordinal));
        _cli.Write("cut.jsonl", log[..(log.Length / 2)]);
        _cli.Write("nonsense.jsonl", "{}");
        _cli.Write("endless.jsonl", new string('x', 200_000));

        foreach (var file in new[] { "changed.jsonl", "cut.jsonl", "nonsense.jsonl", "endless.jsonl" })
            (await _cli.RunAsync($"audit verify {file}")).ShouldBe(ExitCode.Refused, file);
        (await _cli.RunAsync("audit verify missing.jsonl")).ShouldBe(ExitCode.Usage);
        (await _cli.RunAsync("audit export --act createApiKey")).ShouldBe(ExitCode.Usage);
        (await _cli.RunAsync("audit list --from yesterday")).ShouldBe(ExitCode.Usage);
    }

    [Fact]
    public async Task Key_ThatWasGenerated_SignsUntilItIsRevoked()
    {
        (await _cli.RunAsync("key generate laptop -o laptop.key --json")).ShouldBe(ExitCode.Ok, _cli.Error);
        var id = JsonDocument.Parse(_cli.Output).RootElement.GetProperty("id").GetString()!;
        _cli.Variables.Remove("STOA_KEY");
        if (!OperatingSystem.IsWindows())
            File.GetUnixFileMode(Path.Combine(_cli.Folder, "laptop.key")).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);

        (await _cli.RunAsync("key list")).ShouldBe(ExitCode.NotAuthorized);
        (await _cli.RunAsync("signing-key list --signing-key laptop.key")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain(id);
        _cli.Variables["STOA_SIGNING_KEY"] = "laptop.key";
        (await _cli.RunAsync(["task", "submit", "stoa/markdown-html", "--text", "# Hello", "--json"])).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync(["key", "generate", "again", "-o", "laptop.key"])).ShouldBe(ExitCode.Usage);
        (await _cli.RunAsync($"signing-key revoke {id}")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync("wallet")).ShouldBe(ExitCode.NotAuthorized);
        _cli.Write("broken.key", "nonsense");
        (await _cli.RunAsync("wallet --signing-key broken.key")).ShouldBe(ExitCode.Usage);
    }
}
