namespace Stoa.Wasm;

/// <summary>A module could not be instantiated with the imports and limits given.</summary>
public sealed class LinkException : Exception
{
    /// <summary>Makes a refusal.</summary>
    public LinkException(LinkRefusal refusal, string message)
        : base(message)
    {
        Refusal = refusal;
    }

    /// <summary>The reason.</summary>
    public LinkRefusal Refusal { get; }
}

/// <summary>Why a module could not be instantiated. The list is closed.</summary>
public enum LinkRefusal
{
    /// <summary>Nothing is defined under the two names of an import.</summary>
    UnknownImport,

    /// <summary>What is defined has another type than the module asks for.</summary>
    IncompatibleImport,

    /// <summary>The memories that the module declares are larger than <see cref="ExecutionLimits.MaxMemoryBytes"/>.</summary>
    MemoryLimit,

    /// <summary>The tables that the module declares are larger than <see cref="ExecutionLimits.MaxTableElements"/>.</summary>
    TableLimit,

    /// <summary>One instance is metered and the other is not (<see cref="EngineOptions.IsMetered"/>): the limits of the one could not hold in the other.</summary>
    MixedMetering,
}
