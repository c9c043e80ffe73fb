using System.Text;
using System.Text.Json.Nodes;
using Stoa.Network.Tests.Gossip;

namespace Stoa.Network.Tests.Judges;

/// <summary>Gossipsub between this library and js-libp2p, both ways.</summary>
[Trait("needs", "node")]
public sealed class GossipJudgeTests
{
    private const string Topic = GossipHost.Topic;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("tls", "Ed25519", true, "gossip")]
    [InlineData("noise", "secp256k1", false, "gossip")]
    [InlineData("tls", "RSA", false, "gossip")]
    [InlineData("noise", "ECDSA", true, "gossip")]
    [InlineData("tls", "Ed25519", true, "oldGossip")]
    public async Task Messages_GoBothWays_WhoeverDials(string security, string keyType, bool isJsDialled, string version)
    {
        await using var ours = await GossipHost.StartAsync(security);
        await using var js = await StartAsync(security, keyType, version);
        await MeetAsync(ours, js, isJsDialled);

        // Each has the other in its mesh.
        await Eventually.IsSoAsync(
            async () => ours.Router.GetPeers(Topic).Any(peer => peer.Peer == js.Peer && peer.IsInMesh)
                && (await AskAsync(js, "topic"))["mesh"]!.AsArray().Any(peer => (string?)peer == ours.Host.Id.ToString()),
            "They are not in each other's mesh.");
        for (var number = 0; number < 10; number++)
        {
            (await ours.PublishAsync($"ours {number}")).Peers.ShouldBe(1);
            ((int)(await PublishAsync(js, $"theirs {number}"))["recipients"]!).ShouldBe(1);
        }

        for (var number = 0; number < 10; number++)
        {
            var heard = await js.WaitForAsync("message", Stop);
            (Text(heard), (string?)heard["from"], (string?)heard["topic"]).ShouldBe(($"ours {number}", ours.Host.Id.ToString(), Topic));
        }

        await Eventually.IsSoAsync(() => ours.Heard.Count == 10, "What js publishes does not come.");
        ours.Heard.ShouldBe(Enumerable.Range(0, 10).Select(number => $"theirs {number}"));
        ours.Router.GetScores()[js.Peer].ShouldBeGreaterThan(0);
    }

    /// <summary>Stoa, js, Stoa, js, Stoa in a row: what is published at one end comes to the other by way of all.</summary>
    [Fact]
    public async Task Messages_ArePassedOn_ByEachForTheOther()
    {
        await using var first = await GossipHost.StartAsync();
        await using var firstJs = await StartAsync("tls", "Ed25519");
        await using var middle = await GossipHost.StartAsync();
        await using var lastJs = await StartAsync("tls", "secp256k1");
        await using var last = await GossipHost.StartAsync();
        await MeetAsync(first, firstJs, isJsDialled: true);
        await MeetAsync(middle, firstJs, isJsDialled: true);
        await MeetAsync(middle, lastJs, isJsDialled: false);
        await MeetAsync(last, lastJs, isJsDialled: true);
        await Eventually.IsSoAsync(
            async () => (await AskAsync(firstJs, "topic"))["mesh"]!.AsArray().Count == 2 && (await AskAsync(lastJs, "topic"))["mesh"]!.AsArray().Count == 2
                && middle.Router.GetPeers(Topic).Count(peer => peer.IsInMesh) == 2,
            "There is no mesh.");

        await first.PublishAsync("from one end");
        await last.PublishAsync("from the other");
        await PublishAsync(firstJs, "from js");

        await Eventually.IsSoAsync(() => first.Heard.Count == 2 && middle.Heard.Count == 3 && last.Heard.Count == 2, "Not all has come to all.");
        first.Heard.ShouldBe(["from the other", "from js"], ignoreOrder: true);
        last.Heard.ShouldBe(["from one end", "from js"], ignoreOrder: true);
        new[] { Text(await lastJs.WaitForAsync("message", Stop)), Text(await lastJs.WaitForAsync("message", Stop)), Text(await lastJs.WaitForAsync("message", Stop)) }
            .ShouldBe(["from one end", "from the other", "from js"], ignoreOrder: true);
    }

    [Theory]
    [InlineData("tls", "Ed25519")]
    [InlineData("noise", "secp256k1")]
    public async Task Message_OfJs_WhoseSignatureDoesNotHold_IsRefused(string security, string keyType)
    {
        await using var ours = await GossipHost.StartAsync(security);
        await using var js = await StartAsync(security, keyType);
        await MeetAsync(ours, js, isJsDialled: true);
        await PublishAsync(js, "good");
        await Eventually.IsSoAsync(() => !ours.Heard.IsEmpty, "What is good does not come.");

        await PublishAsync(js, "forged", isForged: true);

        await Eventually.IsSoAsync(() => ours.Count("refused BadSignature") == 1, "It was not refused.");
        ours.Router.GetScores()[js.Peer].ShouldBeLessThan(0);
        await PublishAsync(js, "good again");
        await Eventually.IsSoAsync(() => ours.Heard.Count == 2, "One that is good does not come any more.");
        ours.Heard.ShouldBe(["good", "good again"]);
    }

    private static async Task<JsPeer> StartAsync(string security, string keyType, string version = "gossip")
    {
        var js = await JsPeer.StartAsync(keyType, [security], ["yamux"], Stop, "identify", "ping", version);
        await AskAsync(js, "subscribe");
        return js;
    }

    private static async Task MeetAsync(GossipHost ours, JsPeer js, bool isJsDialled)
    {
        if (isJsDialled)
            await ours.Host.ConnectAsync(js.Address, Stop);
        else
            await js.AskAsync(new JsonObject { ["do"] = "dial", ["address"] = ours.Address.ToString() }, Stop);
        await Eventually.IsSoAsync(
            async () => ours.Router.GetPeers(Topic).Any(peer => peer.Peer == js.Peer)
                && (await AskAsync(js, "topic"))["subscribers"]!.AsArray().Any(peer => (string?)peer == ours.Host.Id.ToString()),
            "They do not know of each other's subscriptions.");
    }

    private static Task<JsonObject> AskAsync(JsPeer js, string act) => js.AskAsync(new JsonObject { ["do"] = act, ["topic"] = Topic }, Stop);

    private static Task<JsonObject> PublishAsync(JsPeer js, string text, bool isForged = false) => js.AskAsync(
        new JsonObject { ["do"] = "publish", ["topic"] = Topic, ["data"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(text)), ["isForged"] = isForged }, Stop);

    private static string Text(JsonObject message) => Encoding.UTF8.GetString(Convert.FromBase64String((string)message["data"]!));
}
