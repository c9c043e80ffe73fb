using Stoa.Market.Inference.Routing;

// Values without a name cannot occur; a name without a row is CS8509, which stays an error.
#pragma warning disable CS8524

namespace Stoa.Node.Http;

/// <content>What is refused about models that are served.</content>
public static partial class Problems
{
    public static ProblemKind Of(ReplicaRefusal refusal) => refusal switch
    {
        ReplicaRefusal.ReplicaUnknown => Row(refusal, 404, "No such replica",
            "No such server is registered, or not any more.",
            "List those that are with GET /api/v1/replicas."),
        ReplicaRefusal.ReplicaInvalid => Row(refusal, 422, "Replica breaks the rules",
            "Model, address, name, key, region, weight, bound or price are not as they must be.",
            "Correct what is listed in errors and try again."),
        ReplicaRefusal.ModelNotListed => Row(refusal, 422, "No such model",
            "A server is registered for a version of a model that is listed and offered, here or in the network's catalogue. There is none of this name.",
            "Publish the model with POST /api/v1/listings/manifests, or name one that is listed, with its version."),
        ReplicaRefusal.PublisherElsewhere => Row(refusal, 422, "Publisher could not be paid",
            "The model's publisher takes money for it and has no account at this cell: nobody could pay him here yet.",
            "Serve a model without a price, or one whose publisher is of this cell."),
        ReplicaRefusal.ReplicaUnreachable => Row(refusal, 502, "Server of models unreachable",
            "The server was asked for its models, and did not answer with a list of them.",
            "Read in detail what it answered. Check the address, which ends with the version of the API such as /v1, and the key; or register it with skipCheck before it runs."),
        ReplicaRefusal.UpstreamModelUnknown => Row(refusal, 422, "The server has no such model",
            "The server answers, and lists no model of this name; or it lists several, and none was named.",
            "Say as upstreamModel one of the names in detail."),
        ReplicaRefusal.ReplicaExists => Row(refusal, 409, "Replica exists",
            "The server is registered for this version of the model already.",
            "Change what is there with PATCH /api/v1/replicas/{id}."),
        ReplicaRefusal.ReplicaLocal => Row(refusal, 409, "Replica runs in the node",
            "The node runs this model itself, and knows of it by its options alone.",
            "Change Inference:Local in the node's options, and start it again."),
        ReplicaRefusal.ReplicaSupplied => Row(refusal, 409, "Replica at a supplier",
            "The model stands at another operator's node, which says itself what it sells and for how much.",
            "Remove the supplier with DELETE /api/v1/suppliers/{id}, or set Supply:BuysModels to false, and no answers are bought of it."),
        ReplicaRefusal.ReplicasTooMany => Row(refusal, 409, "Too many replicas",
            "As many servers are registered as may be.",
            "Remove those that are not used any more."),
    };

    public static ProblemKind Of(RouteRefusal refusal) => refusal switch
    {
        RouteRefusal.RouteUnknown => Row(refusal, 404, "No such route",
            "You have no route of this name, and there is none for everybody.",
            "List those that there are with GET /api/v1/routes."),
        RouteRefusal.RouteInvalid => Row(refusal, 422, "Route breaks the rules",
            "Its name, targets, weights or alternatives are not as they must be.",
            "Correct what is listed in errors and try again."),
        RouteRefusal.RouteNotYours => Row(refusal, 403, "Not your route",
            "A route for everybody is made by administrators, and that of a listing by its publisher.",
            "Make a route of your own, under a name without a slash and without isForAll."),
        RouteRefusal.RoutesTooMany => Row(refusal, 409, "Too many routes",
            "You have as many routes as an account may have, or there are as many for everybody.",
            "Remove those that are not used any more."),
    };
}
