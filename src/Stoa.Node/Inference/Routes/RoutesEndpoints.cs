using System.ComponentModel;
using Microsoft.AspNetCore.Mvc;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Inference.Replicas;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Routes;

/// <summary>Names that stand for models.</summary>
public static class RoutesEndpoints
{
    public static void MapRoutes(this IEndpointRouteBuilder api)
    {
        var routes = api.MapGroup("/routes").WithTags("Models");
        // Whoever makes a route says what others of the account pay for.
        routes.MapPut("/{name}", SetAsync)
            .Needs(Permission.TasksSubmit)
            .WithName("setRoute").WithSummary("Have a name stand for models")
            .WithDescription("Requests that name it as their model are shared out among the targets by weight; when one does not answer the others stand in, then the alternatives in their order. It is for your requests alone; an administrator may make one for everybody, which those have who have none of that name themselves. Setting it again changes it.")
            .Produces<RouteResponse>()
            .Refuses(RouteRefusal.RouteInvalid, RouteRefusal.RouteNotYours, RouteRefusal.RoutesTooMany);
        routes.MapPut("/{publisher}/{name}", SetOfListingAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("setListingRoute").WithSummary("Share out the requests for a model of yours among its versions")
            .WithDescription("For everybody's requests that name the listing without a version: for trying a new version with a part of them, say. Targets and alternatives are versions or ranges of the listing itself.")
            .Produces<RouteResponse>()
            .Refuses(RouteRefusal.RouteInvalid, RouteRefusal.RouteNotYours, RouteRefusal.RoutesTooMany);
        routes.MapGet("/", ListAsync)
            .Needs(Permission.ModelsUse)
            .WithName("listRoutes").WithSummary("List your routes, and those for everybody")
            .WithDescription("By their names. Those of listings are with their publishers.")
            .Produces<ListResponse<RouteResponse>>();
        routes.MapGet("/{name}", GetAsync)
            .Needs(Permission.ModelsUse)
            .WithName("getRoute").WithSummary("Get a route")
            .WithDescription("The one that your requests mean by the name: your own, else the one for everybody.")
            .Produces<RouteResponse>()
            .Refuses(RouteRefusal.RouteUnknown);
        routes.MapGet("/{publisher}/{name}", GetOfListingAsync)
            .Needs(Permission.ModelsUse)
            .WithName("getListingRoute").WithSummary("Get how the requests for a model are shared out")
            .WithDescription("As its publisher has said; without it they go to the newest version that is served.")
            .Produces<RouteResponse>()
            .Refuses(RouteRefusal.RouteUnknown);
        routes.MapDelete("/{name}", RemoveAsync)
            .Needs(Permission.TasksSubmit)
            .WithName("removeRoute").WithSummary("Remove a route")
            .WithDescription("Your own; an administrator removes one for everybody with forAll=true.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(RouteRefusal.RouteUnknown, RouteRefusal.RouteNotYours);
        routes.MapDelete("/{publisher}/{name}", RemoveOfListingAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("removeListingRoute").WithSummary("Share out the requests for a model of yours no more")
            .WithDescription("They go to the newest version that is served again.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(RouteRefusal.RouteUnknown);
    }

    private static async Task<IResult> SetAsync(
        string name, Body<SetRouteRequest> body, Caller caller, SqlRouteStore store, RouteChanges changes, CancellationToken cancellationToken)
    {
        var errors = new List<FieldError>();
        RouteRules.CheckName(name, errors);
        var isForAll = body.Value.IsForAll is true;
        var route = Read(isForAll ? default : caller.UserId, name, body.Value, listing: null, isForAll, errors);
        if (errors.Count > 0)
            return Invalid(errors);
        if (caller.Key is { SpendPerDay: not null })
            return Limited();
        return isForAll && !caller.IsAdmin ? NotForAll() : await KeepAsync(route, store, changes, cancellationToken);
    }

    private static async Task<IResult> SetOfListingAsync(
        string publisher, string name, Body<SetRouteRequest> body, Caller caller, ListedModels models, SqlRouteStore store, RouteChanges changes, CancellationToken cancellationToken)
    {
        if (await FindOwnAsync(publisher, name, caller, models, cancellationToken) is not { } listing)
            return new Refusal<RouteRefusal>(RouteRefusal.RouteNotYours, $"You have listed no model {publisher}/{name} here. Its requests are shared out by its publisher.").ToProblem();
        var errors = new List<FieldError>();
        if (body.Value.IsForAll is false)
            errors.Add(new FieldError("/isForAll", "The route of a listing is for everybody's requests: leave it out, or make a route of another name."));
        var route = Read(caller.UserId, listing.ToString(), body.Value, listing, isForAll: true, errors);
        return errors.Count > 0 ? Invalid(errors) : await KeepAsync(route, store, changes, cancellationToken);
    }

    private static async Task<IResult> ListAsync(Caller caller, SqlRouteStore store, CancellationToken cancellationToken) =>
        TypedResults.Ok(new ListResponse<RouteResponse>([.. (await store.ListAsync(caller.UserId, cancellationToken)).Select(ToContract)]));

    private static async Task<IResult> GetAsync(string name, Caller caller, SqlRouteStore store, CancellationToken cancellationToken) =>
        await store.FindAsync(caller.UserId, name, cancellationToken) is { } route ? TypedResults.Ok(ToContract(route)) : Unknown(name);

    private static async Task<IResult> GetOfListingAsync(string publisher, string name, Caller caller, SqlRouteStore store, CancellationToken cancellationToken) =>
        await store.FindAsync(caller.UserId, $"{publisher}/{name}", cancellationToken) is { } route ? TypedResults.Ok(ToContract(route)) : Unknown($"{publisher}/{name}");

    private static async Task<IResult> RemoveAsync(
        string name,
        [FromQuery, Description("Whether the one for everybody is removed, by an administrator, and not your own. Left out: false.")] bool? forAll,
        Caller caller,
        SqlRouteStore store,
        RouteChanges changes,
        CancellationToken cancellationToken)
    {
        if (caller.Key is { SpendPerDay: not null })
            return Limited();
        if (forAll is true && !caller.IsAdmin)
            return NotForAll();
        return await ForgetAsync(forAll is true ? default : caller.UserId, name, store, changes, cancellationToken);
    }

    private static Task<IResult> RemoveOfListingAsync(string publisher, string name, Caller caller, SqlRouteStore store, RouteChanges changes, CancellationToken cancellationToken) =>
        ForgetAsync(caller.UserId, $"{publisher}/{name}", store, changes, cancellationToken);

    private static async Task<IResult> ForgetAsync(Id<User> owner, string name, SqlRouteStore store, RouteChanges changes, CancellationToken cancellationToken)
    {
        if (!await store.RemoveAsync(owner, name, cancellationToken))
            return Unknown(name);
        await changes.NoteAsync(owner, cancellationToken);
        return TypedResults.NoContent();
    }

    private static async Task<IResult> KeepAsync(ModelRoute route, SqlRouteStore store, RouteChanges changes, CancellationToken cancellationToken)
    {
        if (!(await store.SetAsync(route, cancellationToken)).TryGet(out var set, out var refusal))
            return refusal.ToProblem();
        await changes.NoteAsync(route.Owner, cancellationToken);
        return TypedResults.Ok(ToContract(set));
    }

    /// <summary>The listing as its publisher, who is the caller, has it; null when it is not his.</summary>
    private static async Task<ListingName?> FindOwnAsync(string publisher, string name, Caller caller, ListedModels models, CancellationToken cancellationToken) =>
        ListingName.TryParse($"{publisher}/{name}", null, out var listing) && listing.Version is null
        && await models.FindOwnAsync(listing.Publisher, listing.Name, caller.UserId, cancellationToken) is { } handle
            ? listing with { Publisher = handle }
            : null;

    private static ModelRoute Read(Id<User> owner, string name, SetRouteRequest asked, ListingName? listing, bool isForAll, List<FieldError> errors) => new(
        owner,
        name,
        RouteRules.ReadTargets([.. asked.Targets.Select(target => (target?.Model ?? "", target?.Weight ?? 1))], listing, errors),
        RouteRules.ReadAlternatives(asked.Alternatives ?? [], listing, errors),
        isForAll);

    private static ProblemResult Invalid(List<FieldError> errors) => new Refusal<RouteRefusal>(RouteRefusal.RouteInvalid, "Correct what is listed in errors and try again.", errors).ToProblem();

    private static ProblemResult NotForAll() =>
        new Refusal<RouteRefusal>(RouteRefusal.RouteNotYours, "Routes for everybody are made and removed by administrators. Leave isForAll out for one of your own.").ToProblem();

    private static ProblemResult Limited() =>
        new Refusal<RouteRefusal>(RouteRefusal.RouteNotYours, "A key with a spending limit makes no routes: they say what other keys of the account pay for. Use a key without one.").ToProblem();

    private static ProblemResult Unknown(string name) =>
        new Refusal<RouteRefusal>(RouteRefusal.RouteUnknown, $"There is no route {name}. List those that there are with GET /api/v1/routes.").ToProblem();

    private static RouteResponse ToContract(ModelRoute route) => new(
        route.Name,
        [.. route.Targets.Select(target => new RouteTargetBody(target.Model.ToString(), target.Weight))],
        [.. route.Alternatives.Select(model => model.ToString())],
        route.IsForAll);
}
