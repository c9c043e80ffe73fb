namespace Stoa.Wasm.Tests.Wasi;

/// <summary>The flags of <c>path_open</c> (oflags in the witx).</summary>
internal static class OpenFlags
{
    public const uint Create = 1;
    public const uint DirectoryOnly = 2;
    public const uint Exclusive = 4;
    public const uint Truncate = 8;
}
