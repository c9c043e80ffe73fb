namespace Stoa.Wasm;

/// <summary>Why no snapshot can be taken of an instance. The list is closed.</summary>
public enum SnapshotRefusal
{
    /// <summary>The module imports a memory, a table or a mutable global: that state is not the instance's own.</summary>
    SharedState,

    /// <summary>A table or a global holds an object of the host, which new instances would have to share.</summary>
    HostReference,

    /// <summary>A table or a global holds a function that is neither the instance's own nor imported by it.</summary>
    ForeignFunction,
}

/// <summary>No snapshot can be taken of an instance in its present state.</summary>
public sealed class SnapshotException : Exception
{
    /// <summary>Makes the exception of a refusal.</summary>
    public SnapshotException(SnapshotRefusal refusal, string message)
        : base(message)
    {
        Refusal = refusal;
    }

    /// <summary>The reason.</summary>
    public SnapshotRefusal Refusal { get; }
}
