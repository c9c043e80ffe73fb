namespace Stoa.Market.Inference.Routing;

/// <summary>Every reason for which an act on replicas is refused.</summary>
public enum ReplicaRefusal
{
    /// <summary>No such replica.</summary>
    ReplicaUnknown,

    /// <summary>Model, address, name, key, region, weight, bound or price are not as they must be; every reason is listed.</summary>
    ReplicaInvalid,

    /// <summary>The version is not offered as a model, neither here nor in the network's catalogue.</summary>
    ModelNotListed,

    /// <summary>Its publisher takes money for it and is of another cell: nobody could pay him here.</summary>
    PublisherElsewhere,

    /// <summary>Nothing that could be a server of models answers at the address.</summary>
    ReplicaUnreachable,

    /// <summary>The server answers, and has no model of that name.</summary>
    UpstreamModelUnknown,

    /// <summary>The server is registered for this model already.</summary>
    ReplicaExists,

    /// <summary>A node runs it itself, as its options say: it is changed there.</summary>
    ReplicaLocal,

    /// <summary>It stands at another operator's node: it comes and goes with the supplier.</summary>
    ReplicaSupplied,

    /// <summary>There are as many replicas as may be.</summary>
    ReplicasTooMany,
}
