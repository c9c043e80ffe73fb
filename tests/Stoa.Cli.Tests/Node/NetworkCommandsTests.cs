using System.Text.Json;
using Stoa.Node.Hosting;
using Stoa.Node.Tests.Observability;

namespace Stoa.Cli.Tests.Node;

/// <summary>What the command line shows of a network of two nodes, of which it has started one itself.</summary>
public sealed class NetworkCommandsTests : IAsyncLifetime
{
    private readonly NodeLog _log = new();
    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("stoa-node-");
    private readonly TestCli _cli = new();
    private readonly TestCli _joining = new();
    private readonly CancellationTokenSource _stop = new();
    private NodeHost _host = null!;
    private Task<int> _joined = Task.FromResult(0);
    private string _address = "";
    private string _peer = "";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _host = await NodeHost.BuildAsync(["--data", _data.FullName, "--url", "http://127.0.0.1:0", "--network:listen:0", "/ip4/127.0.0.1/tcp/0", "--network:mdns", "false", .. _log.Options]);
        var started = await _host.StartAsync();
        _address = started.NetworkAddresses.ShouldHaveSingleItem();
        _cli.Variables["STOA_ADDRESS"] = started.Address.ToString();
        _cli.Variables["STOA_KEY"] = started.AdminKey!;
        _joined = Task.Run(
            () => _joining.RunAsync(
                ["up", "--port", "0", "--data", "data", "--join", _address, "--set", "network:listen:0=/ip4/127.0.0.1/tcp/0", "--set", "network:mdns=false", "--set", "node:region=eu-west"],
                cancellationToken: _stop.Token),
            Stop);
        _peer = (await UntilAsync("network peers", items => items.Count == 1))[0].GetProperty("peerId").GetString()!;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        (await _joined).ShouldBe(ExitCode.Ok, _joining.Error);
        await _host.DisposeAsync();
        _stop.Dispose();
        _joining.Dispose();
        _cli.Dispose();
        _data.Delete(recursive: true);
        _log.Close();
    }

    [Fact]
    public async Task Node_ThatIsUpWithJoin_IsAmongThePeers_FoundPingedAndOnTheMap()
    {
        (await _cli.RunAsync("network show")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain(_address);

        (await _cli.RunAsync("network peers")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain(_peer);
        _cli.Output.ShouldContain("/tls/1.0.0");

        var found = await JsonAsync($"network find {_peer}");
        (found.GetProperty("peerId").GetString(), found.GetProperty("isConnected").GetBoolean()).ShouldBe((_peer, true));
        var ping = await JsonAsync($"network ping {_peer} --count 2");
        (ping.GetProperty("peerId").GetString(), ping.GetProperty("timesMs").GetArrayLength()).ShouldBe((_peer, 2));
        (await _cli.RunAsync($"network ping {_peer}")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain($"✓ {_peer}");

        // Each node says what it offers, and the other hears of it.
        await UntilAsync("network map", items => items.Count == 2);
        var there = (await UntilAsync("network map --region eu-west", items => items.Count == 1))[0];
        (there.GetProperty("node").GetString(), there.GetProperty("isThisNode").GetBoolean()).ShouldBe((_peer, false));
        (await _cli.RunAsync("network map")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain(_peer);
        _cli.Output.ShouldContain("(this one)");
        (await JsonAsync("network map --region us-east")).GetProperty("items").GetArrayLength().ShouldBe(0);
    }

    [Theory]
    [InlineData("network find nonsense", "is no peer id")]
    [InlineData("network ping /ip4/127.0.0.1/udp/1", "")]
    [InlineData("network find QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N")]
    public async Task Peer_ThatIsNot_IsRefused_AndItIsSaidWhy(string command, string why)
    {
        (await _cli.RunAsync(command)).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain(why);
    }

    private async Task<JsonElement> JsonAsync(string command)
    {
        (await _cli.RunAsync(command + " --json")).ShouldBe(ExitCode.Ok, _cli.Error);
        using var document = JsonDocument.Parse(_cli.OutputBytes);
        return document.RootElement.Clone();
    }

    /// <summary>What a command lists, once it is so: nodes find each other by and by.</summary>
    private async Task<List<JsonElement>> UntilAsync(string command, Func<List<JsonElement>, bool> isSo)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        patience.CancelAfter(TimeSpan.FromMinutes(3));
        while (true)
        {
            List<JsonElement> items = [.. (await JsonAsync(command)).GetProperty("items").EnumerateArray()];
            if (isSo(items))
                return items;
            _joined.IsCompleted.ShouldBeFalse(_joining.Error);
            await Task.Delay(TimeSpan.FromMilliseconds(100), patience.Token);
        }
    }
}
