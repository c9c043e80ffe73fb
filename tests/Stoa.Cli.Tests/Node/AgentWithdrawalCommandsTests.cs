using System.Text.Json;
using System.Text.Json.Nodes;

namespace Stoa.Cli.Tests.Node;

[Collection(RealNode.Turns)]
public sealed class AgentWithdrawalCommandsTests(RealNode node) : IDisposable
{
    private readonly TestCli _cli = node.Cli();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Agent_IsWithdrawnShownAndReinstated()
    {
        await PublishAsync("1.0.0");
        await PublishAsync("1.1.0");

        (await _cli.RunAsync(["agent", "withdraw", "stoa/going@1.1.0", "--reason", "Rows are lost."])).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("stoa/going: 1.1.0 is withdrawn.");
        _cli.Output.ShouldContain("A task that names no version gets 1.0.0.");
        (await _cli.RunAsync("agent show stoa/going@1.1.0")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("Rows are lost.");
        _cli.Output.ShouldNotContain("Use it");
        (await _cli.RunAsync("task submit stoa/going@1.1.0 --text x")).ShouldBe(ExitCode.Refused);
        _cli.Error.ReplaceLineEndings(" ").ShouldContain("Take stoa/going@1.0.0");

        (await _cli.RunAsync("agent withdraw stoa/going --json")).ShouldBe(ExitCode.Ok, _cli.Error);
        JsonDocument.Parse(_cli.Output).RootElement.GetProperty("versions").EnumerateArray().Single().GetString().ShouldBe("1.0.0");
        (await _cli.RunAsync("agent show stoa/going@1.0.0")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync("agent show stoa/going")).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain("was withdrawn by its publisher");

        (await _cli.RunAsync("agent reinstate stoa/going")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("stoa/going: 1.0.0 is reinstated.");
        (await _cli.RunAsync("agent reinstate stoa/going")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("No version of stoa/going was to be reinstated.");
        (await _cli.RunAsync("agent reinstate stoa/going@1.1.0")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("A task that names no version gets 1.1.0.");
        (await _cli.RunAsync("agent withdraw stoa/nothing")).ShouldBe(ExitCode.NotAuthorized);
        (await _cli.RunAsync("agent withdraw stoa/going@1.1.0")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync(["agent", "publish", Path.Combine(_cli.Folder, "1.1.0")])).ShouldBe(ExitCode.Refused);
        _cli.Error.ReplaceLineEndings(" ").ShouldContain("stoa agent reinstate stoa/going@1.1.0");
        (await _cli.RunAsync("agent withdraw stoa")).ShouldBe(ExitCode.Usage);
    }

    /// <summary>Publishes a sample under a name of its own: the samples are others' too.</summary>
    private async Task PublishAsync(string version)
    {
        var stop = TestContext.Current.CancellationToken;
        var manifest = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(RealNode.Sample("markdown-html"), "agent.json"), stop))!.AsObject();
        (manifest["name"], manifest["version"], manifest["capabilities"]) = ("going", version, new JsonArray("test.going"));
        var folder = Directory.CreateDirectory(Path.Combine(_cli.Folder, version)).FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "agent.json"), manifest.ToJsonString(), stop);
        File.Copy(Path.Combine(RealNode.Sample("markdown-html"), "markdown-html.wasm"), Path.Combine(folder, "markdown-html.wasm"));
        (await _cli.RunAsync(["agent", "publish", folder])).ShouldBe(ExitCode.Ok, _cli.Error);
    }
}
