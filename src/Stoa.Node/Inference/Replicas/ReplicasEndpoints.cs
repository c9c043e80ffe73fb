using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry.Goods;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Inference.Local;
using Stoa.Node.Supply.Models;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Replicas;

/// <summary>The servers that have models. Administrators only.</summary>
public static class ReplicasEndpoints
{
    public static void MapReplicas(this IEndpointRouteBuilder api)
    {
        var replicas = api.MapGroup("/replicas").WithTags("Models");
        replicas.MapPost("/", AddAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("addReplica").WithSummary("Register a server that has a model")
            .WithDescription("A server with OpenAI's API, such as llama.cpp, Ollama or vLLM, that serves a version of a listed model. It is asked once whether it answers, and what the model is called there. From then on requests for the model are sent to it, beside others that serve the same. Administrators only.")
            .Idempotent()
            .Produces<ReplicaResponse>(StatusCodes.Status201Created)
            .Refuses(
                ReplicaRefusal.ReplicaInvalid, ReplicaRefusal.ModelNotListed, ReplicaRefusal.PublisherElsewhere, ReplicaRefusal.ReplicaUnreachable, ReplicaRefusal.UpstreamModelUnknown,
                ReplicaRefusal.ReplicaExists, ReplicaRefusal.ReplicasTooMany);
        replicas.MapGet("/", ListAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("listReplicas").WithSummary("List the servers that have models")
            .WithDescription("Each with what this node has measured of it, and the models that this node runs itself, or buys answers of, among them. Administrators only.")
            .Produces<ListResponse<ReplicaResponse>>();
        replicas.MapGet("/{id}", GetAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("getReplica").WithSummary("Get a server that has a model")
            .WithDescription("With what this node has measured of it since it started: how it is, what it has to do, how soon and how fast it answers. Administrators only.")
            .Produces<ReplicaResponse>()
            .Refuses(ReplicaRefusal.ReplicaUnknown);
        replicas.MapPatch("/{id}", UpdateAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("updateReplica").WithSummary("Change how a server is registered")
            .WithDescription("What is left out stays. When its address, its key or the name of the model there change, it is asked again. A key does not go to another server than it was given for. Administrators only.")
            .Produces<ReplicaResponse>()
            .Refuses(
                ReplicaRefusal.ReplicaUnknown, ReplicaRefusal.ReplicaLocal, ReplicaRefusal.ReplicaSupplied, ReplicaRefusal.ReplicaInvalid, ReplicaRefusal.ReplicaUnreachable, ReplicaRefusal.UpstreamModelUnknown, ReplicaRefusal.ReplicaExists);
        replicas.MapPut("/{id}/draining", DrainAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("drainReplica").WithSummary("Give a server no more requests")
            .WithDescription("Those that it has are answered to their end; figures.outstandingRequests tells when it has none any more. Doing it again changes nothing. Administrators only.")
            .Produces<ReplicaResponse>()
            .Refuses(ReplicaRefusal.ReplicaUnknown, ReplicaRefusal.ReplicaLocal, ReplicaRefusal.ReplicaSupplied);
        replicas.MapDelete("/{id}/draining", UndrainAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("undrainReplica").WithSummary("Give a server requests again")
            .WithDescription("At first a few, then more. Doing it again changes nothing. Administrators only.")
            .Produces<ReplicaResponse>()
            .Refuses(ReplicaRefusal.ReplicaUnknown, ReplicaRefusal.ReplicaLocal, ReplicaRefusal.ReplicaSupplied);
        replicas.MapDelete("/{id}", RemoveAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("removeReplica").WithSummary("Remove a server")
            .WithDescription("It gets no more requests; those that it has are answered to their end. Its key is forgotten. Administrators only.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(ReplicaRefusal.ReplicaUnknown, ReplicaRefusal.ReplicaLocal, ReplicaRefusal.ReplicaSupplied);
    }

    private static async Task<IResult> AddAsync(Body<AddReplicaRequest> body, MadeId id, ReplicaRegistration registration, ModelFleets fleets, TimeProvider time, CancellationToken cancellationToken) =>
        (await registration.AddAsync(id.For<Replica>(), body.Value, cancellationToken)).Match<IResult>(
            added => TypedResults.Created($"/api/v1/replicas/{added.Replica.Id}", ToContract(added, fleets, time)), refusal => refusal.ToProblem());

    private static async Task<IResult> ListAsync([AsParameters] ListQuery query, SqlReplicaStore store, LocalReplicas local, SuppliedReplicas supplied, ModelFleets fleets, TimeProvider time, CancellationToken cancellationToken)
    {
        var page = query.ToPage();
        var kept = await store.ListAsync(page, cancellationToken);
        // Those of the cell and those of this node are one list, by their ids.
        List<ReplicaResponse> all =
        [
            .. kept.Items.Select(one => ToContract(one, fleets, time))
                .Concat(local.All.Where(one => string.CompareOrdinal(one.Id.ToString(), page.Cursor ?? "") > 0).Select(one => ToContract(one, fleets, time)))
                .Concat(supplied.All.SelectMany(models => models.Replicas.Select(one => ToContract(one, models, fleets, time))).Where(one => string.CompareOrdinal(one.Id, page.Cursor ?? "") > 0))
                .OrderBy(one => one.Id, StringComparer.Ordinal),
        ];
        List<ReplicaResponse> shown = [.. all.Take(page.Limit)];
        return TypedResults.Ok(new ListResponse<ReplicaResponse>(shown, kept.NextCursor is not null || all.Count > shown.Count ? shown[^1].Id : null));
    }

    private static async Task<IResult> GetAsync(Id<Replica> id, SqlReplicaStore store, LocalReplicas local, SuppliedReplicas supplied, ModelFleets fleets, TimeProvider time, CancellationToken cancellationToken) =>
        local.Find(id) is { } running ? TypedResults.Ok(ToContract(running, fleets, time))
        : supplied.Find(id) is { } bought ? TypedResults.Ok(ToContract(bought.Replica, bought.Models, fleets, time))
        : await store.FindAsync(id, cancellationToken) is { } kept ? TypedResults.Ok(ToContract(kept, fleets, time))
        : Unknown(id);

    private static async Task<IResult> UpdateAsync(
        Id<Replica> id, Body<UpdateReplicaRequest> body, ReplicaRegistration registration, LocalReplicas local, SuppliedReplicas supplied, ModelFleets fleets, TimeProvider time, CancellationToken cancellationToken) =>
        RefuseOwn(id, local, supplied) ?? Answer(await registration.ChangeAsync(id, body.Value, cancellationToken), fleets, time);

    private static async Task<IResult> DrainAsync(Id<Replica> id, ReplicaRegistration registration, LocalReplicas local, SuppliedReplicas supplied, ModelFleets fleets, TimeProvider time, CancellationToken cancellationToken) =>
        RefuseOwn(id, local, supplied) ?? Answer(await registration.DrainAsync(id, isDraining: true, cancellationToken), fleets, time);

    private static async Task<IResult> UndrainAsync(Id<Replica> id, ReplicaRegistration registration, LocalReplicas local, SuppliedReplicas supplied, ModelFleets fleets, TimeProvider time, CancellationToken cancellationToken) =>
        RefuseOwn(id, local, supplied) ?? Answer(await registration.DrainAsync(id, isDraining: false, cancellationToken), fleets, time);

    private static async Task<IResult> RemoveAsync(Id<Replica> id, ReplicaRegistration registration, LocalReplicas local, SuppliedReplicas supplied, CancellationToken cancellationToken) =>
        RefuseOwn(id, local, supplied) ?? (await registration.RemoveAsync(id, cancellationToken) ? (IResult)TypedResults.NoContent() : Unknown(id));

    private static IResult Answer(Outcome<KeptReplica, ReplicaRefusal> outcome, ModelFleets fleets, TimeProvider time) =>
        outcome.Match<IResult>(kept => TypedResults.Ok(ToContract(kept, fleets, time)), refusal => refusal.ToProblem());

    private static ProblemResult Unknown(Id<Replica> id) => new Refusal<ReplicaRefusal>(ReplicaRefusal.ReplicaUnknown, SqlReplicaStore.Unknown(id)).ToProblem();

    private static ProblemResult? RefuseOwn(Id<Replica> id, LocalReplicas local, SuppliedReplicas supplied) => local.Find(id) is { } found
        ? new Refusal<ReplicaRefusal>(ReplicaRefusal.ReplicaLocal, $"This node runs {found.Options.Model} itself, by its option Inference:Local. Change it there, and start the node again.").ToProblem()
        : supplied.Find(id) is { } bought
            ? new Refusal<ReplicaRefusal>(ReplicaRefusal.ReplicaSupplied, $"Answers of {bought.Replica.Replica.Model.Listing} are bought of {bought.Models.Supplier}. Remove that supplier, or change Supply in the node's options.").ToProblem()
            : null;

    private static ReplicaResponse ToContract(LocalModelStatus status, ModelFleets fleets, TimeProvider time)
    {
        var local = new LocalReplicaBody(EnumWord.Of(status.State), status.Options.File, status.Starts, status.Reason, status.ProcessId);
        return status.Replica is { } replica
            ? ToContract(new KeptReplica(replica, HasKey: replica.Key is not null), fleets, time) with { Local = local }
            : new ReplicaResponse(
                status.Id.ToString(), status.Options.Model, "", status.Options.Model, HasApiKey: false, ReplicaRules.DefaultWeight, status.Options.Slots, IsDraining: false, [], status.AddedAt, Local: local);
    }

    private static ReplicaResponse ToContract(SuppliedReplica one, SuppliedModels models, ModelFleets fleets, TimeProvider time) =>
        ToContract(new KeptReplica(one.Replica, HasKey: false), fleets, time) with
        {
            Supplier = new SuppliedReplicaBody(models.Supplier.ToString(), one.Replica.Supplied!.Node.ToString(), ToContract(one.Sold.Price)!, models.Reason),
        };

    private static ReplicaResponse ToContract(KeptReplica kept, ModelFleets fleets, TimeProvider time)
    {
        var replica = kept.Replica;
        return new ReplicaResponse(
            replica.Id.ToString(),
            replica.Model.Listing.ToString(),
            replica.Address.AbsoluteUri,
            replica.UpstreamModel,
            kept.HasKey,
            replica.Weight,
            replica.MaxRequests,
            replica.IsDraining,
            replica.Model.Capabilities,
            replica.AddedAt,
            replica.Region,
            replica.Model.ContextLength,
            ToContract(replica.Model.Price),
            ToContract(replica.ServingPrice),
            fleets.Find(replica.Id) is { } state ? ToContract(state.Measure(ModelFleet.NowOf(time))) : null);
    }

    private static ModelPriceBody? ToContract(ModelPrice? price) => price is null ? null : new ModelPriceBody(price.PerMillionInputTokens.ToString(), price.PerMillionOutputTokens.ToString());

    private static ReplicaFiguresBody ToContract(ReplicaFigures figures) => new(
        EnumWord.Of(figures.Health),
        figures.OutstandingRequests,
        figures.OutstandingTokens,
        figures.Served,
        figures.Failed,
        figures.Corrected,
        figures.FirstTokenMs,
        figures.TokensPerSecond);
}
