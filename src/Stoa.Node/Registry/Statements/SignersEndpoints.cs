using System.ComponentModel;
using Microsoft.AspNetCore.Mvc;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Network;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>Whom this cell knows of those who say something in the registry, and for whom its operators vouch.</summary>
public static class SignersEndpoints
{
    public static void MapSigners(this IEndpointRouteBuilder api)
    {
        api.MapGet("/network/signers", ListAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("listSigners").WithTags("Network").WithSummary("Who says something in the registry, and how much?")
            .WithDescription("Publishers, reviewers and nodes, by the peer ids of their keys: what is known of each here, what each has, and of how many versions it has signed two that say different things. Administrators only.")
            .Produces<ListResponse<SignerResponse>>();
        api.MapPut("/network/signers/{key}/vouch", VouchAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("vouchForSigner").AuditedInBulk().WithTags("Network").WithSummary("Vouch for a publisher or a node")
            .WithDescription("Its statements cost no work here from now on, and it may have more of them. With receipts its word for receipts is believed, too: reviews for which it gives it count here. That is for nodes that you know, not for publishers. Administrators only.")
            .Produces<SignerResponse>()
            .Refuses(NetworkRefusal.AddressInvalid)
            .Refuses(StatementFault.SignerForgotten);
        api.MapDelete("/network/signers/{key}/vouch", WithdrawAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("stopVouchingForSigner").AuditedInBulk().WithTags("Network").WithSummary("Vouch for a publisher or a node no more")
            .WithDescription("What it has here stays; what it says from now on is taken as from any stranger. Administrators only.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(NetworkRefusal.AddressInvalid);
    }

    private static async Task<IResult> ListAsync(
        [AsParameters] ListQuery query, [FromQuery, Description("Only those of one standing: stranger, vouched, believed, own or forgotten.")] string? standing, SqlSigners signers, CancellationToken cancellationToken)
    {
        SignerStanding? wanted = null;
        if (standing is not null)
        {
            wanted = EnumWord.TryParse<SignerStanding>(standing, out var parsed)
                ? parsed
                : throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: [new FieldError("", $"The parameter standing is one of {EnumWord.All<SignerStanding>()}.")]);
        }

        return TypedResults.Ok(ListQuery.Answer(await signers.ListAsync(wanted, query.ToPage(), cancellationToken), ToContract));
    }

    private static async Task<IResult> VouchAsync(
        [Description("The peer id of its key.")] string key,
        [FromQuery, Description("Whether it is a node whose word for receipts is believed. Left out: false.")] bool? receipts,
        SqlSigners signers, CancellationToken cancellationToken)
    {
        if (!PeerId.TryParse(key, out var signer))
            return Invalid(key);
        var known = await signers.VouchAsync(signer, receipts ?? false, cancellationToken);
        return known.Usage.Standing is SignerStanding.Forgotten
            ? new Refusal<StatementFault>(StatementFault.SignerForgotten, $"Who {signer} was, was erased here.").ToProblem()
            : TypedResults.Ok(ToContract(known));
    }

    private static async Task<IResult> WithdrawAsync([Description("The peer id of its key.")] string key, SqlSigners signers, CancellationToken cancellationToken)
    {
        if (!PeerId.TryParse(key, out var signer))
            return Invalid(key);
        await signers.WithdrawVouchAsync(signer, cancellationToken);
        return TypedResults.NoContent();
    }

    private static ProblemResult Invalid(string key) =>
        new Refusal<NetworkRefusal>(NetworkRefusal.AddressInvalid, $"'{key}' is not the peer id of a key, such as Qm… or 12D3….").ToProblem();

    private static SignerResponse ToContract(KnownSigner signer) => new(
        signer.Key.ToString(), EnumWord.Of(signer.Usage.Standing), signer.Usage.Statements, signer.Usage.Bytes, signer.IsOwnHandle, signer.Handle, signer.Contradictions == 0 ? null : signer.Contradictions);
}
