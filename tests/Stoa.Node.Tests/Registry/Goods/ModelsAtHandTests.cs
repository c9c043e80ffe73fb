using System.Text;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Market.Tests.Registry.Goods;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Registry.Goods;

/// <summary>What a node says of the models that it has.</summary>
[Trait("speed", "slow")]
public sealed class ModelsAtHandTests
{
    private static readonly string[] s_listen = ["--network:listen:0", "/ip4/127.0.0.1/tcp/0", "--network:mdns", "false"];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Model_IsInTheOffer_AndFoundByRegionAndByDigest_AsLongAsItsBytesAreKept()
    {
        await using var first = await TestNode.StartAsync(folder: null, [.. s_listen, "--node:region", "eu-central"]);
        await using var second = await TestNode.StartAsync(folder: null, [.. s_listen, "--network:join:0", first.PeerAddress]);
        var digest = (await first.Client.UploadAsync(new MemoryStream("content"u8.ToArray()), cancellationToken: Stop)).Digest;
        await first.Client.PublishListingAsync(Encoding.UTF8.GetBytes(GoodsSamples.Json(ListingKind.Model)), Stop);

        var offer = await OfferAsync(first, offer => offer.Models is not null);

        offer.Models.ShouldBe([digest]);
        var statement = await first.Client.GetStatementAsync(ContentHash.Parse(offer.Statement), Stop);
        using var http = new HttpClient { BaseAddress = first.Client.Options.Address };
        PortSchema.Validate(await http.GetStringAsync("/schemas/" + StatementSchemas.FileOf(StatementKind.Offer, 2), Stop), statement.Payload).ShouldBeEmpty();
        var inRegion = new ListingQuery { Kind = "model", Region = "eu-central" };
        await Eventually.IsSoAsync(async () => (await second.Client.SearchListingsAsync(inRegion, cancellationToken: Stop)).Total == 1);
        await Eventually.IsSoAsync(async () => (await second.Client.ListProvidersAsync(digest, cancellationToken: Stop)).Items.Count == 1);

        await first.Client.DeleteBlobAsync(digest, Stop);
        // The node looks again when something was listed.
        await first.PublishAsync("echo", GuestPrograms.Echo);

        (await OfferAsync(first, offer => offer.Models is null)).Programs.Count.ShouldBe(1);
    }

    private static async Task<OfferResponse> OfferAsync(TestNode node, Func<OfferResponse, bool> isMeant) => await Eventually.FoundAsync(async () =>
        await node.Client.ListOffersAsync(Stop).FirstOrDefaultAsync(offer => offer.IsThisNode && isMeant(offer), Stop));
}
