using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Registry.Statements;

/// <summary>Statements to test with.</summary>
internal static class StatementSamples
{
    public static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeMilliseconds(1_764_000_000_000);

    public static readonly PrivateKey Key = PrivateKey.Generate();

    public static readonly PrivateKey Node = PrivateKey.Generate();

    public static Hlc At(TimeSpan after = default) => new((Now + after).ToUnixTimeMilliseconds(), 0);

    public static Statement Sign(StatementContent content, Hlc? hlc = null, PrivateKey? key = null) => Statement.Sign(key ?? Key, hlc ?? At(), content).Value;

    public static AgentListing Listing(string name = "resize", string version = "1.0.0", string artifact = "artifact")
    {
        var json = $$"""
            { "name": "{{name}}", "version": "{{version}}", "description": "Scales \u00e9 images.",
              "capabilities": ["image.resize"], "program": "p.wasm", "input": { "mediaType": "image/png" }, "output": { "mediaType": "image/png" },
              "limits": { "fuel": 1000, "memoryBytes": 65536, "timeoutMs": 1000, "outputBytes": 1000, "logBytes": 0 },
              "price": { "base": "0.001", "perMegabyte": "0", "perGigafuel": "0" } }
            """;
        return new AgentListing(
            ManifestReader.Read(System.Text.Encoding.UTF8.GetBytes(json)).Value, json, ContentHash.Of(System.Text.Encoding.UTF8.GetBytes(artifact)), ContentHash.Of("program"u8), 7);
    }

    public static OfferStatement Offer(TimeSpan? life = null) => new(
        ["/ip4/192.0.2.1/tcp/4001"], "eu-central", 4, 1 << 30, [ContentHash.Of("program"u8)], 1_000, Now + (life ?? TimeSpan.FromHours(1)));

    public static StatementContent Of(StatementKind kind) => kind switch
    {
        StatementKind.Profile => new ProfileStatement("Ann's tools", "ann.example.org"),
        StatementKind.Listing => Listing(),
        StatementKind.Withdrawal => new WithdrawalStatement("resize", SemanticVersion.Parse("1.0.0"), true, "It loses \"colours\"."),
        StatementKind.Deprecation => new DeprecationStatement(
            "resize", null, true, new KeyedListing(Key.PublicKey.PeerId, "scale", SemanticVersion.Parse("2.0.0-rc.1")), null),
        StatementKind.Review => Review(),
        StatementKind.Transfer => new TransferStatement("resize", new KeyedListing(Node.PublicKey.PeerId, "scale", null), From: null),
        StatementKind.Split => new SplitStatement(70, 25, 5),
        StatementKind.Summary => new SummaryStatement(Now.AddDays(-30), Now, [new AgentReceipts(new KeyedListing(Key.PublicKey.PeerId, "resize", null), 12)]),
        _ => Offer(),
    };

    public static ReviewStatement Review(PrivateKey? reviewer = null, PrivateKey? node = null)
    {
        var agent = new KeyedListing(Key.PublicKey.PeerId, "scale", SemanticVersion.Parse("2.0.0-rc.1"));
        return new ReviewStatement(
            agent, new ReviewVerdict(4, "Fast, and\nthe colours are right.", ReceiptProof.Sign(node ?? Node, (reviewer ?? Key).PublicKey.PeerId, agent, ContentHash.Of("receipt"u8))));
    }
}
