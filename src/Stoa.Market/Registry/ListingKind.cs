namespace Stoa.Market.Registry;

/// <summary>What a listing is of. On the wire it is the name in lower case.</summary>
public enum ListingKind
{
    /// <summary>A program that does tasks: <see cref="AgentManifest"/>.</summary>
    Agent,

    /// <summary>Weights of a trained model.</summary>
    Model,

    /// <summary>Something to be filled in by parameters, such as a prompt or a workflow.</summary>
    Template,

    /// <summary>Other listings that belong together.</summary>
    Bundle,

    /// <summary>Records to train or to test with.</summary>
    Dataset,
}
