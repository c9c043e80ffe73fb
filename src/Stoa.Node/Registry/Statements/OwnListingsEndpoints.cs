using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Http;
using Stoa.Node.Identity;

namespace Stoa.Node.Registry.Statements;

/// <summary>What publishers say of their listings, over HTTP: of agents as of all else.</summary>
public static class OwnListingsEndpoints
{
    public static void MapOwnListings(this IEndpointRouteBuilder api)
    {
        api.MapPut("/listings/{publisher}/{name}/deprecation", DeprecateAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("deprecateListing").WithTags("Listings").WithSummary("Say of a listing of yours that there is something better")
            .WithDescription("It still works, in all of its versions, and everybody sees what to use instead. Doing it again changes what is said.")
            .Produces<ListingDetailsResponse>()
            .Refuses(OwnListingRefusal.OwnListingUnknown, OwnListingRefusal.SuccessorUnknown);
        api.MapPut("/listings/{publisher}/{name}/{version}/deprecation", DeprecateVersionAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("deprecateListingVersion").WithTags("Listings").WithSummary("Say of a version of yours that there is something better")
            .WithDescription("As of the whole listing, of one version.")
            .Produces<ListingDetailsResponse>()
            .Refuses(OwnListingRefusal.OwnListingUnknown, OwnListingRefusal.SuccessorUnknown);
        api.MapDelete("/listings/{publisher}/{name}/deprecation", UndeprecateAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("undeprecateListing").WithTags("Listings").WithSummary("Take back that there is something better than a listing of yours")
            .WithDescription("What was said of single versions stays.")
            .Produces<ListingDetailsResponse>()
            .Refuses(OwnListingRefusal.OwnListingUnknown);
        api.MapDelete("/listings/{publisher}/{name}/{version}/deprecation", UndeprecateVersionAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("undeprecateListingVersion").WithTags("Listings").WithSummary("Take back that there is something better than a version of yours")
            .WithDescription("What was said of the whole listing stays.")
            .Produces<ListingDetailsResponse>()
            .Refuses(OwnListingRefusal.OwnListingUnknown);
        api.MapPut("/listings/{publisher}/{name}/transfer", TransferAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("transferListing").WithTags("Listings").WithSummary("Give a listing of yours to another publisher, or take one")
            .WithDescription("Who gives it says where it goes on (to), who takes it says what of his it goes on from (from); either may be first, and what was said of the other side stays. Once both have said so, searches find the new one alone, and tasks that name no version of the old one get the new one. Versions that were published keep their names.")
            .Produces<ListingDetailsResponse>()
            .Refuses(OwnListingRefusal.OwnListingUnknown, OwnListingRefusal.SuccessorUnknown);
        api.MapDelete("/listings/{publisher}/{name}/transfer", TakeTransferBackAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("takeTransferBack").WithTags("Listings").WithSummary("Take back that a listing of yours goes on elsewhere, or from elsewhere")
            .WithDescription("The old listing is found again under its own name. Doing it again changes nothing.")
            .Produces<ListingDetailsResponse>()
            .Refuses(OwnListingRefusal.OwnListingUnknown);
    }

    private static Task<IResult> DeprecateAsync(
        string publisher, string name, Body<DeprecateListingRequest> body, Caller caller, OwnListings own, SqlListings listings, TimeProvider time, CancellationToken cancellationToken) =>
        SayDeprecatedAsync($"{publisher}/{name}", body.Value, caller, own, listings, time, cancellationToken);

    private static Task<IResult> DeprecateVersionAsync(
        string publisher, string name, string version, Body<DeprecateListingRequest> body, Caller caller, OwnListings own, SqlListings listings, TimeProvider time, CancellationToken cancellationToken) =>
        SayDeprecatedAsync($"{publisher}/{name}@{version}", body.Value, caller, own, listings, time, cancellationToken);

    private static Task<IResult> UndeprecateAsync(
        string publisher, string name, Caller caller, OwnListings own, SqlListings listings, TimeProvider time, CancellationToken cancellationToken) =>
        SayAsync($"{publisher}/{name}", listing => own.DeprecateAsync(caller.UserId, listing, isDeprecated: false, instead: null, reason: null, cancellationToken), listings, time, cancellationToken);

    private static Task<IResult> UndeprecateVersionAsync(
        string publisher, string name, string version, Caller caller, OwnListings own, SqlListings listings, TimeProvider time, CancellationToken cancellationToken) =>
        SayAsync($"{publisher}/{name}@{version}", listing => own.DeprecateAsync(caller.UserId, listing, isDeprecated: false, instead: null, reason: null, cancellationToken), listings, time, cancellationToken);

    private static Task<IResult> TransferAsync(
        string publisher, string name, Body<TransferListingRequest> body, Caller caller, OwnListings own, SqlListings listings, TimeProvider time, CancellationToken cancellationToken)
    {
        var (to, from) = (Named("/to", body.Value.To, withVersion: false), Named("/from", body.Value.From, withVersion: false));
        if (to is null && from is null)
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: [new FieldError("/to", "Expected is to or from: where the listing goes on, or what it goes on from.")]);
        return SayAsync($"{publisher}/{name}", listing => own.TransferAsync(caller.UserId, listing, to, from, cancellationToken), listings, time, cancellationToken);
    }

    private static Task<IResult> TakeTransferBackAsync(
        string publisher, string name, Caller caller, OwnListings own, SqlListings listings, TimeProvider time, CancellationToken cancellationToken) =>
        SayAsync($"{publisher}/{name}", listing => own.TransferAsync(caller.UserId, listing, to: null, from: null, cancellationToken), listings, time, cancellationToken);

    private static Task<IResult> SayDeprecatedAsync(
        string named, DeprecateListingRequest request, Caller caller, OwnListings own, SqlListings listings, TimeProvider time, CancellationToken cancellationToken)
    {
        if (request.Reason is { } reason && !StatedReason.IsGiven(reason))
        {
            throw new RequestRefusedException(
                RequestRefusal.RequestInvalid, errors: [new FieldError("/reason", $"Expected are {StatedReason.MustBe}.")]);
        }

        var instead = Named("/instead", request.Instead, withVersion: true);
        return SayAsync(named, listing => own.DeprecateAsync(caller.UserId, listing, isDeprecated: true, instead, request.Reason, cancellationToken), listings, time, cancellationToken);
    }

    private static async Task<IResult> SayAsync(
        string named, Func<ListingName, Task<Outcome<ListingName, OwnListingRefusal>>> say, SqlListings listings, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!ListingName.TryParse(named, null, out var listing))
            return new Refusal<OwnListingRefusal>(OwnListingRefusal.OwnListingUnknown, $"{named} is not the name of a listing.").ToProblem();
        if ((await say(listing)).Refusal is { } refusal)
            return refusal.ToProblem();
        return await listings.FindAsync(listing.Publisher, listing.Name, time.GetUtcNow(), cancellationToken) is { } found
            ? TypedResults.Ok(found)
            : new Refusal<OwnListingRefusal>(OwnListingRefusal.OwnListingUnknown, $"{named} is not listed any more.").ToProblem();
    }

    private static ListingName? Named(string member, string? text, bool withVersion)
    {
        if (text is null)
            return null;
        return ListingName.TryParse(text, null, out var listing) && (withVersion || listing.Version is null)
            ? listing
            : throw new RequestRefusedException(
                RequestRefusal.RequestInvalid, errors: [new FieldError(member, $"A listing is expected, PUBLISHER/NAME{(withVersion ? " or PUBLISHER/NAME@VERSION" : " without a version")}, the publisher by its key or handle.")]);
    }
}
