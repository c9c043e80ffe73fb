using Stoa.Client.Contracts;
using Stoa.Market.Identity;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Registry.Replication;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>Takes statements that were signed elsewhere over HTTP, as the network does from other nodes.</summary>
public static class StatementsEndpoints
{
    // Base64 of the largest payload, with a signature and the names of members around it.
    private const long MaxEnvelopeBytes = (StatementLimits.MaxPayloadBytes * 4 / 3) + 4_096;

    public static void MapStatements(this IEndpointRouteBuilder api) => api.MapPost("/listings", AddAsync)
        .Needs(Permission.AgentsPublish)
        .WithName("addListing").AuditedInBulk().WithTags("Listings").WithSummary("Give the node a signed statement of the registry")
        .WithDescription("Takes a DSSE envelope with a listing, or any other statement, signed with a key that the node need not know: a publisher signs with his own, or carries what another node said to one that is not connected to it. What it may be is what is taken from other nodes. The same statement again changes nothing.")
        .TakesAtMost(MaxEnvelopeBytes)
        .Produces<AddedStatementResponse>()
        .Refuses(Enum.GetValues<StatementFault>());

    private static async Task<IResult> AddAsync(Body<DsseEnvelope> body, IStatementStore statements, StatementGossip gossip, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!Statement.Open(body.Value).TryGet(out var statement, out var unreadable))
            return unreadable.ToProblem();
        if (!(await statements.AddAsync([statement], time.GetUtcNow(), cancellationToken))[0].TryGet(out var effect, out var refusal))
            return refusal.ToProblem();
        if (effect is not (StatementEffect.Known or StatementEffect.Superseded))
            gossip.Announce(statement);
        return TypedResults.Ok(new AddedStatementResponse(statement.Id.ToString(), statement.SignerId.ToString(), statement.Content.Kind.Word(), EnumWord.Of(effect)));
    }
}
