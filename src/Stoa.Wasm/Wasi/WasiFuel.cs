namespace Stoa.Wasm.Wasi;

/// <summary>What WASI calls cost, in the engine's units of fuel: about as much as the guest could compute in the time they take.</summary>
/// <remarks>
/// The costs are part of what a receipt promises, so they depend only on what the guest asks and is given, never on the host:
/// the same on every file system and machine.
/// </remarks>
public static class WasiFuel
{
    /// <summary>Any call.</summary>
    public const long Call = 200;

    /// <summary>Each byte that a call reads, writes or makes up.</summary>
    public const long Byte = 1;

    /// <summary>Each buffer or subscription that a call names.</summary>
    public const long Buffer = 20;

    /// <summary>Each name that is walked to resolve a path, and each file that is opened, made, changed or removed.</summary>
    public const long PathStep = 2_000;

    /// <summary>Each entry of a directory that is listed, when the listing is begun.</summary>
    public const long DirectoryEntry = 500;

    /// <summary>Making a file durable.</summary>
    public const long Sync = 100_000;
}
