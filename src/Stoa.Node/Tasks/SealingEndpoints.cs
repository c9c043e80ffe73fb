using Microsoft.AspNetCore.Http.HttpResults;
using Stoa.Client.Contracts;
using Stoa.Market.Tasks;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Storage;
using Stoa.Primitives;
using Stoa.Primitives.Sealing;

namespace Stoa.Node.Tasks;

/// <summary>The key that inputs are sealed to: where it comes from, and how consumers get it.</summary>
public static class SealingEndpoints
{
    private const string Purpose = "stoa sealing key v1";

    /// <summary>The key of this node: of the cell's key where that is the operator's, and otherwise, where the database is a file of this node, of the node's own key.</summary>
    /// <remarks>On PostgreSQL a key that the cell made itself is in the database, and would open what is to be hidden from who sees that.</remarks>
    public static TaskSealing Open(CellKey cell, Database database, PrivateKey node) => new(
        cell.IsOperators ? SealingKey.Derive(cell.DeriveSecret(Purpose))
        : database.Dialect.IsSqlite ? SealingKey.Derive(node.DeriveSecret(Purpose))
        : null);

    public static void MapSealing(this IEndpointRouteBuilder api) =>
        api.MapGet("/sealing-key", Get)
            .ForAnyCaller()
            .WithName("getSealingKey").WithTags("Tasks").WithSummary("Get the key to seal inputs to")
            .WithDescription("An input that is sealed to it can be read by the node that runs the task alone, and the output by who sealed the input. docs/sealing.md has the format. The envelope, signed by the node, holds the key; account is part of what the seal is bound to. Get it anew when a task is refused as sealingKeyUnknown.")
            .Refuses(TaskRefusal.SealingOff);

    private static Results<Ok<SealingKeyResponse>, ProblemResult> Get(Caller caller, SealingOffer offer) => offer is { Key: { } key, Envelope: { } envelope }
        ? TypedResults.Ok(new SealingKeyResponse(
            key.Id.ToString(), Convert.ToBase64String(key.ToBytes()), SealingPublicKey.Suite, caller.UserId.ToString(), envelope))
        : TaskSealing.Off.ToProblem();
}

/// <summary>The key that inputs are sealed to, with the node's word for it, which is given once.</summary>
public sealed class SealingOffer(TaskSealing sealing, PrivateKey node)
{
    /// <summary>Null where inputs cannot be sealed.</summary>
    public SealingPublicKey? Key { get; } = sealing.PublicKey;

    /// <summary>Signed by the node; null where there is no key.</summary>
    public DsseEnvelope? Envelope { get; } = sealing.PublicKey is { } key ? SealingKeyRecord.Sign(key, node) : null;
}
