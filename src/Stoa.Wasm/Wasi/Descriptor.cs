using Stoa.Wasm.Wasi.Files;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Wasm.Wasi;

/// <summary>The flags of a descriptor.</summary>
/// <remarks>Bits of <c>fdflags</c> in the witx.</remarks>
[Flags]
internal enum FdFlags : ushort
{
    None = 0,
    Append = 1,
    Dsync = 2,
    NonBlock = 4,
    Rsync = 8,
    Sync = 16,
    All = Append | Dsync | NonBlock | Rsync | Sync,
}

/// <summary>What a descriptor number stands for.</summary>
internal abstract class Descriptor(Rights rights, Rights inheriting, FdFlags flags) : IDisposable
{
    public abstract FileType Type { get; }

    /// <summary>What may be done with this descriptor.</summary>
    public Rights Rights { get; set; } = rights;

    /// <summary>What may be done with descriptors that are opened through it.</summary>
    public Rights Inheriting { get; set; } = inheriting;

    public FdFlags Flags { get; set; } = flags;

    public void Dispose() => Close();

    protected virtual void Close()
    {
    }
}

/// <summary>An open regular file, with the position that reads and writes move.</summary>
internal sealed class FileDescriptor(FileNode node, Rights rights, Rights inheriting, FdFlags flags)
    : Descriptor(rights, inheriting, flags)
{
    public FileNode Node => node;

    public ulong Offset { get; set; }

    public override FileType Type => FileType.RegularFile;

    protected override void Close() => node.Dispose();
}

/// <summary>An open directory, with the listing that is being read from it.</summary>
internal sealed class DirectoryDescriptor(DirectoryNode node, Rights rights, Rights inheriting, FdFlags flags, string? preopenPath)
    : Descriptor(rights, inheriting, flags)
{
    public DirectoryNode Node => node;

    /// <summary>The guest's name for it; null when it is not a preopen.</summary>
    public string? PreopenPath => preopenPath;

    /// <summary>The entries as they were when the listing was begun: positions in it stay good while files come and go.</summary>
    public List<DirectoryEntry>? Listing { get; set; }

    public override FileType Type => FileType.Directory;

    protected override void Close() => node.Dispose();
}

/// <summary>The standard input.</summary>
internal sealed class InputDescriptor(GuestInput input) : Descriptor(RightsOf.Input, Rights.None, FdFlags.None)
{
    public GuestInput Input => input;

    public override FileType Type => input.IsTerminal ? FileType.CharacterDevice : FileType.Unknown;
}

/// <summary>The standard output or the standard error.</summary>
internal sealed class OutputDescriptor(GuestOutput output) : Descriptor(RightsOf.Output, Rights.None, FdFlags.None)
{
    public GuestOutput Output => output;

    public override FileType Type => output.IsTerminal ? FileType.CharacterDevice : FileType.Unknown;
}
