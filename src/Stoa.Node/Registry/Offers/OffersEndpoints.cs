using Stoa.Client.Contracts;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Offers;

/// <summary>What the nodes of the network offer, over HTTP. It is public, as the statements are.</summary>
public static class OffersEndpoints
{
    public static void MapOffers(this IEndpointRouteBuilder api) => api.MapGet("/network/offers", ListAsync)
        .OpenToAll()
        .WithName("listOffers").WithTags("Network").WithSummary("What do the nodes of the network offer?")
        .WithDescription("What each node that this one has heard of says of itself, signed by it, unless it is over: where it is reached, where it stands, what it has room for, which programs and models it has at hand, what runs of them cost, which models it sells answers of and for how much, how it shares out prices, and how many receipts it has given in thirty days. By the nodes' peer ids.")
        .Produces<ListResponse<OfferResponse>>();

    private static async Task<IResult> ListAsync([AsParameters] ListQuery query, SqlOffers offers, PublicKey self, TimeProvider time, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await offers.ListAsync(query.ToPage(), time.GetUtcNow(), cancellationToken), offer => ToContract(offer, self.PeerId)));

    private static OfferResponse ToContract(DisclosedOffer disclosed, PeerId self)
    {
        var (statement, split, summary) = disclosed;
        var offer = (OfferStatement)statement.Content;
        return new OfferResponse(
            statement.SignerId.ToString(),
            statement.SignerId == self,
            offer.Addresses,
            offer.Workers,
            offer.MemoryBytes,
            offer.PriceFactor,
            [.. offer.Programs.Select(program => program.ToString())],
            DateTimeOffset.FromUnixTimeMilliseconds(statement.Hlc.UnixTimeMs),
            offer.ExpiresAt,
            statement.Id.ToString(),
            offer.Region,
            split is null ? null : new SplitBody(split.CreatorPercent, split.NodePercent, split.PlatformPercent),
            summary is null ? null : new ReceiptSummaryBody(summary.From, summary.To, summary.Agents.Sum(agent => agent.Receipts), summary.Agents.Count),
            offer.Models.Count == 0 ? null : [.. offer.Models.Select(model => model.ToString())],
            offer.Sells.Count == 0
                ? null
                : [.. offer.Sells.Select(sold => new OfferedModelBody(sold.Model.ToString(), sold.InputPrice.ToString(), sold.OutputPrice.ToString(), sold.ContextLength, sold.TokensPerSecond))],
            offer.Runs.Count == 0
                ? null
                :
                [
                    .. offer.Runs.Select(run => new PostedRunBody(
                        run.Program.ToString(), run.Price.Base.ToString(), run.Price.PerMegabyte.ToString(), run.Price.PerGigafuel.ToString(), run.Price.PerGigabyteSecond.ToString())),
                ]);
    }
}
