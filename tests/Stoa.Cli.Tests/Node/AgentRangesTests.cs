using System.Text.Json;
using System.Text.Json.Nodes;

namespace Stoa.Cli.Tests.Node;

/// <summary>Agents whose manifests name the agents that they call by ranges, published by the command on a real node.</summary>
[Collection(RealNode.Turns)]
public sealed class AgentRangesTests(RealNode node) : IDisposable
{
    private readonly TestCli _cli = node.Cli();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Publish_WithARange_TakesTheNewestVersionThatFits_AndSaysSo()
    {
        foreach (var version in (string[])["1.1.0", "1.2.0", "1.10.0", "1.11.0", "2.0.0"])
            (await PublishAsync("ranged-part", version)).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync("agent withdraw stoa/ranged-part@1.11.0")).ShouldBe(ExitCode.Ok, _cli.Error);

        (await PublishAsync("ranged-whole", "1.0.0", "^1.2")).ShouldBe(ExitCode.Ok, _cli.Error);

        _cli.Output.ReplaceLineEndings(" ").ShouldContain("stoa/ranged-part@1.10.0, the newest that ^1.2 takes");
        var stop = TestContext.Current.CancellationToken;
        (await File.ReadAllTextAsync(Path.Combine(_cli.Folder, "ranged-whole-1.0.0", "agent.json"), stop)).ShouldContain("\"stoa/ranged-part\"", customMessage: "the file stays as it is");
        using var client = node.Client();
        var use = (await client.GetAgentAsync(new("stoa", "ranged-whole"), stop)).Uses!.ShouldHaveSingleItem();
        (use.Agent, use.Range).ShouldBe(("stoa/ranged-part@1.10.0", "^1.2"));
        (await _cli.RunAsync("agent show stoa/ranged-whole")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ReplaceLineEndings(" ").ShouldContain("stoa/ranged-part@1.10.0 (of ^1.2)");

        // Nothing newer has come out: it is the same content, and no harm.
        (await _cli.RunAsync(["agent", "publish", Path.Combine(_cli.Folder, "ranged-whole-1.0.0"), "--json"])).ShouldBe(ExitCode.Ok, _cli.Error);
        var printed = JsonDocument.Parse(_cli.Output).RootElement.GetProperty("uses")[0];
        (printed.GetProperty("agent").GetString(), printed.GetProperty("range").GetString()).ShouldBe(("stoa/ranged-part@1.10.0", "^1.2"));
    }

    [Fact]
    public async Task Publish_WithARangeThatTakesNoVersion_IsRefusedWithTheNewest()
    {
        (await PublishAsync("lone-part", "1.1.0")).ShouldBe(ExitCode.Ok, _cli.Error);

        (await PublishAsync("lone-whole", "1.0.0", "^3.0", "lone-part")).ShouldBe(ExitCode.Refused);
        _cli.Error.ReplaceLineEndings(" ").ShouldContain("^3.0 takes no version of stoa/lone-part that is offered here; the newest is 1.1.0.");
        (await PublishAsync("lone-whole", "1.0.1", "^3.0", "absent-part")).ShouldBe(ExitCode.Refused);
        _cli.Error.ReplaceLineEndings(" ").ShouldContain("No version of stoa/absent-part is offered here.");
        (await _cli.RunAsync("agent show stoa/lone-whole")).ShouldNotBe(ExitCode.Ok);
    }

    /// <summary>Publishes a sample under a name of its own, with a range of what it calls where one is given.</summary>
    private async Task<int> PublishAsync(string name, string version, string? range = null, string part = "ranged-part")
    {
        var stop = TestContext.Current.CancellationToken;
        var manifest = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(RealNode.Sample("markdown-html"), "agent.json"), stop))!.AsObject();
        (manifest["name"], manifest["version"], manifest["capabilities"]) = (name, version, new JsonArray("test.ranges"));
        if (range is not null)
        {
            manifest["uses"] = new JsonArray(new JsonObject
            {
                ["agent"] = $"stoa/{part}",
                ["range"] = range,
                ["maxCalls"] = 1,
                ["maxPrice"] = "1000",
                ["maxInputBytes"] = 1000,
                ["limits"] = new JsonObject { ["memoryBytes"] = 1 << 20, ["outputBytes"] = 1000 },
            });
            // Its own memory and the room for its greatest call.
            manifest["limits"]!["memoryBytes"] = manifest["limits"]!["memoryBytes"]!.GetValue<long>() + (2 << 20);
        }

        var folder = Directory.CreateDirectory(Path.Combine(_cli.Folder, $"{name}-{version}")).FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "agent.json"), manifest.ToJsonString(), stop);
        File.Copy(Path.Combine(RealNode.Sample("markdown-html"), "markdown-html.wasm"), Path.Combine(folder, "markdown-html.wasm"));
        return await _cli.RunAsync(["agent", "publish", folder]);
    }
}
