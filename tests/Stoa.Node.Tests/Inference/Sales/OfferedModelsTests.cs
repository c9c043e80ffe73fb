using Stoa.Client.Contracts;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference.Sales;

/// <summary>A node says in its offer what models it sells, and the network finds it.</summary>
[Trait("speed", "slow")]
public sealed class OfferedModelsTests
{
    private static readonly string[] s_listen = ["--network:listen:0", "/ip4/127.0.0.1/tcp/0", "--network:mdns", "false"];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Offer_SaysWhatIsSold_AndHowFastItWasMeasured()
    {
        await using var node = await SellingNode.StartAsync([.. s_listen, "--node:region", "eu-central"]);
        await using var other = await TestNode.StartAsync(folder: null, [.. s_listen, "--network:join:0", node.Node.PeerAddress]);

        var offer = await OfferAsync(node, sold => sold.TokensPerSecond is null);

        var sold = offer.Sells.ShouldHaveSingleItem();
        (sold.InputPrice, sold.OutputPrice, sold.ContextLength).ShouldBe(("1.000000000", "2.000000000", 8192));
        var statement = await node.Node.Client.GetStatementAsync(ContentHash.Parse(offer.Statement), Stop);
        using var http = new HttpClient { BaseAddress = node.Node.Client.Options.Address };
        PortSchema.Validate(await http.GetStringAsync("/schemas/" + StatementSchemas.FileOf(StatementKind.Offer, 3), Stop), statement.Payload).ShouldBeEmpty();

        // Somebody else finds who sells it by its listing.
        var (publisher, name) = (sold.Model[..sold.Model.IndexOf('/', StringComparison.Ordinal)], "tiny");
        var seller = await Eventually.FoundAsync(async () =>
        {
            try
            {
                return (await other.Client.GetListingAsync(publisher, name, Stop)).Versions[0].Sellers?[0];
            }
            catch (Client.StoaException unknown) when (unknown.Problem.Status == 404)
            {
                return null;
            }
        });
        (seller.Node, seller.InputPrice, seller.OutputPrice, seller.ContextLength, seller.Region).ShouldBe((offer.Node, "1.000000000", "2.000000000", 8192, "eu-central"));

        using var buyer = await node.OpenChannelAsync();
        await buyer.ReadAsync(await buyer.AskAsync(node.Inference.Chat(), Money.FromDollars(0.01m)));
        (await OfferAsync(node, now => now.TokensPerSecond is not null)).Sells![0].TokensPerSecond.ShouldNotBeNull().ShouldBeGreaterThan(0);
    }

    private static async Task<OfferResponse> OfferAsync(SellingNode node, Func<OfferedModelBody, bool> isMeant) => await Eventually.FoundAsync(async () =>
        await node.Node.Client.ListOffersAsync(Stop).FirstOrDefaultAsync(offer => offer.IsThisNode && offer.Sells is [var sold] && isMeant(sold), Stop));
}
