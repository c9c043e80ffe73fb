using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.PayPerCall;
using Stoa.Market.Supply;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Registry.Offers;
using Stoa.Node.Supply.Models;
using Stoa.Primitives;

namespace Stoa.Node.Supply;

/// <summary>Other operators' nodes that tasks are given to. Administrators only.</summary>
public static class SuppliersEndpoints
{
    private const int MaxKeyLength = 4_096;

    public static void MapSuppliers(this IEndpointRouteBuilder api)
    {
        var suppliers = api.MapGroup("/suppliers").WithTags("Suppliers");
        suppliers.MapPost("/", AddAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("addSupplier").WithSummary("Give tasks to another operator's node")
            .WithDescription("A payment channel was opened there, to the account that sells calls, and its payer's key is given to this node, which keeps it sealed and signs vouchers with it: nobody else may sign with it any more. The node is asked who it is. Administrators only.")
            .Idempotent()
            .Produces<SupplierResponse>(StatusCodes.Status201Created)
            .Refuses(SupplierRefusal.SupplierInvalid, SupplierRefusal.SupplierUnreachable, SupplierRefusal.SupplierExists);
        suppliers.MapGet("/", ListAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("listSuppliers").WithSummary("List the nodes that tasks are given to")
            .WithDescription("With what was signed for each, what of it was charged, and what it has done so far. Administrators only.")
            .Produces<ListResponse<SupplierResponse>>();
        suppliers.MapGet("/{id}", GetAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("getSupplier").WithSummary("Get a node that tasks are given to")
            .WithDescription("The credit that is left there is what vouchers say in all, less what was charged for what was done. With the models that the node that answers buys answers of there. Administrators only.")
            .Produces<SupplierResponse>()
            .Refuses(SupplierRefusal.SupplierUnknown);
        suppliers.MapDelete("/{id}", RemoveAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("removeSupplier").WithSummary("Give a node no more tasks")
            .WithDescription("The key is forgotten. What was signed is remembered: added again with the same channel, the node goes on from there. The channel stays open; close it at the other node. Administrators only.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(SupplierRefusal.SupplierUnknown);
    }

    private static async Task<IResult> AddAsync(
        Body<AddSupplierRequest> body, MadeId id, SqlSuppliers suppliers, SupplierConnections connections, SupplyOptions options, PublicKey self, CancellationToken cancellationToken)
    {
        var request = body.Value;
        var errors = new List<FieldError>();
        if (!Uri.TryCreate(request.Address, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https") || address.UserInfo.Length > 0)
            errors.Add(new FieldError("/address", "An address such as https://node.example.org is expected."));
        if (!Id<Channel>.TryParse(request.ChannelId, out var channel))
            errors.Add(new FieldError("/channelId", "The id of a payment channel is expected, chan_…."));
        var signed = Money.Zero;
        if (request.Signed is not null && (!Money.TryParse(request.Signed, out signed) || signed < Money.Zero))
            errors.Add(new FieldError("/signed", "A decimal string of US dollars that is not negative is expected."));
        using var key = ReadKey(request.PayerKey, errors);
        if (errors.Count > 0)
            return new Refusal<SupplierRefusal>(SupplierRefusal.SupplierInvalid, "Correct what is listed in errors and try again.", errors).ToProblem();

        PeerId node;
        try
        {
            using var client = connections.Open(address!, TimeSpan.FromMilliseconds(options.QuoteTimeoutMs));
            node = PeerId.Parse((await client.GetNodeAsync(cancellationToken)).PeerId);
            if (!await SellsCallsAsync(client, cancellationToken))
            {
                return new Refusal<SupplierRefusal>(
                    SupplierRefusal.SupplierInvalid, $"The node at {address} sells no calls. Ask its operator for PayPerCall:Payee.", [new FieldError("/address", "A node that sells calls is expected.")]).ToProblem();
            }
        }
        catch (Exception failure) when (SupplierFaults.IsOfSupplier(failure) && !cancellationToken.IsCancellationRequested)
        {
            return new Refusal<SupplierRefusal>(SupplierRefusal.SupplierUnreachable, $"No node answers at {address}: {failure.Message}").ToProblem();
        }

        if (node == self.PeerId)
            return new Refusal<SupplierRefusal>(SupplierRefusal.SupplierInvalid, "That is this node itself.", [new FieldError("/address", "Another node's address is expected.")]).ToProblem();
        return (await suppliers.AddAsync(id.For<Supplier>(), node, address!, channel, key!, signed, cancellationToken)).Match<IResult>(
            added => TypedResults.Created($"/api/v1/suppliers/{added.Id}", ToContract(added, region: null)), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> ListAsync([AsParameters] ListQuery query, SqlSuppliers suppliers, SqlOffers offers, TimeProvider time, CancellationToken cancellationToken)
    {
        var page = await suppliers.ListAsync(query.ToPage(), cancellationToken);
        var regions = await offers.ListRegionsAsync([.. page.Items.Select(supplier => supplier.Node)], time.GetUtcNow(), cancellationToken);
        return TypedResults.Ok(ListQuery.Answer(page, supplier => ToContract(supplier, regions.GetValueOrDefault(supplier.Node))));
    }

    private static async Task<IResult> GetAsync(Id<Supplier> id, SqlSuppliers suppliers, SqlOffers offers, SuppliedReplicas models, TimeProvider time, CancellationToken cancellationToken) => await suppliers.FindAsync(id, cancellationToken) is { } found
        ? TypedResults.Ok(ToContract(found, (await offers.ListRegionsAsync([found.Node], time.GetUtcNow(), cancellationToken)).GetValueOrDefault(found.Node)) with { Models = ToContract(models.Find(found.Node)) })
        : Unknown(id);

    private static async Task<IResult> RemoveAsync(Id<Supplier> id, SqlSuppliers suppliers, CancellationToken cancellationToken) =>
        await suppliers.RemoveAsync(id, cancellationToken) ? TypedResults.NoContent() : Unknown(id);

    /// <summary>Whether a node sells at all: it is asked for the price of a program that nobody has.</summary>
    private static async Task<bool> SellsCallsAsync(StoaClient client, CancellationToken cancellationToken)
    {
        try
        {
            await client.QuoteProgramAsync(ContentHash.Of("no program"u8).ToString(), inputBytes: 0, new AgentLimitsBody(0, 0, 0, 0, 0), cancellationToken);
        }
        catch (StoaException refused)
        {
            return refused.Code != EnumWord.Of(CallRefusal.CallsNotSold);
        }

        return true;
    }

    private static PrivateKey? ReadKey(string pem, List<FieldError> errors)
    {
        try
        {
            if (pem.Length <= MaxKeyLength)
                return PrivateKey.FromPem(pem);
        }
        catch (FormatException)
        {
            // Told below, without a word of what was given.
        }

        errors.Add(new FieldError("/payerKey", "A private P-256 key is expected, PKCS #8 as PEM."));
        return null;
    }

    private static ProblemResult Unknown(Id<Supplier> id) =>
        new Refusal<SupplierRefusal>(SupplierRefusal.SupplierUnknown, $"There is no supplier {id}. List them with GET /api/v1/suppliers.").ToProblem();

    private static SupplierResponse ToContract(Supplier supplier, string? region) => new(
        supplier.Id.ToString(),
        supplier.Node.ToString(),
        supplier.Address.ToString(),
        supplier.Channel.ToString(),
        supplier.Signed.ToString(),
        supplier.Spent.ToString(),
        supplier.Reserved.ToString(),
        supplier.Credit.ToString(),
        supplier.Standing.Successes,
        supplier.Standing.Failures,
        supplier.Standing.Declines,
        supplier.Standing.Lies,
        supplier.Standing.Reliability,
        supplier.AddedAt,
        supplier.Standing.Latency?.TotalMilliseconds,
        supplier.Standing.LastFailure,
        supplier.Standing.LastFailedAt,
        supplier.Standing.Checks,
        supplier.Standing.Disagreements,
        region,
        Beyond: supplier.Beyond > Money.Zero ? supplier.Beyond.ToString() : null,
        Doubtful: supplier.Doubtful > Money.Zero ? supplier.Doubtful.ToString() : null);

    private static SupplierModelsBody? ToContract(SuppliedModels? models) => models is null
        ? null
        : new SupplierModelsBody(
            models.Listed,
            [
                .. models.Replicas.Select(one => new SupplierModelBody(
                    one.Replica.Model.Listing.ToString(), one.Sold.Name.ToString(), one.Replica.Id.ToString(),
                    new ModelPriceBody(one.Sold.Price.PerMillionInputTokens.ToString(), one.Sold.Price.PerMillionOutputTokens.ToString()), one.Sold.Region, one.TokensPerSecond)),
            ],
            models.ReadAt,
            models.Reason);
}
