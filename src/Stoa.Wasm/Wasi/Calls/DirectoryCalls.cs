using System.Buffers.Binary;
using System.Text;
using Stoa.Wasm.Wasi.Files;

namespace Stoa.Wasm.Wasi.Calls;

/// <summary><c>fd_readdir</c>.</summary>
internal sealed class DirectoryCalls(DescriptorTable descriptors, WasiLimits limits)
{
    private const int DirentBytes = 24;

    /// <summary>Writes entries, the last one cut off where the buffer ends.</summary>
    /// <remarks>
    /// A cookie is a position in a listing that is made when position 0 is read and kept with the descriptor: files may come
    /// and go meanwhile, and each that stays is seen once.
    /// </remarks>
    public Errno Read(Guest guest, int fd, uint address, uint length, ulong cookie, uint resultAddress)
    {
        var errno = descriptors.RequireDirectory(fd, Rights.FdReaddir, out var directory);
        if (errno != Errno.Success)
            return errno;
        if (!guest.TryGet(address, length, out var buffer))
            return Errno.Fault;
        if (cookie == 0 || directory!.Listing is null)
            errno = List(guest, directory!);
        if (errno != Errno.Success)
            return errno;
        var used = 0;
        var listing = directory!.Listing!;
        for (var i = (int)Math.Min(cookie, (ulong)listing.Count); i < listing.Count && used < buffer.Length; i++)
            used += WriteEntry(buffer[used..], listing[i], (ulong)i + 1);
        guest.Charge(used * WasiFuel.Byte);
        return guest.Write(resultAddress, (uint)used);
    }

    private Errno List(Guest guest, DirectoryDescriptor directory)
    {
        directory.Listing = null;
        var errno = directory.Node.GetStat(out var stat);
        if (errno != Errno.Success)
            return errno;
        // The parent may lie outside of what the guest may see, so both names show the directory's own number.
        var listing = new List<DirectoryEntry>
        {
            new(".", stat.Inode, FileType.Directory),
            new("..", stat.Inode, FileType.Directory),
        };
        errno = directory.Node.ReadEntries(listing, limits.MaxDirectoryEntries);
        guest.Charge(listing.Count * WasiFuel.DirectoryEntry);
        if (errno != Errno.Success)
            return errno;
        if (descriptors.CountListedEntries() + listing.Count > limits.MaxDirectoryEntries)
            descriptors.DropListings();
        directory.Listing = listing;
        return Errno.Success;
    }

    private static int WriteEntry(Span<byte> buffer, DirectoryEntry entry, ulong next)
    {
        var name = Encoding.UTF8.GetBytes(entry.Name);
        Span<byte> header = stackalloc byte[DirentBytes];
        header.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(header, next);
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], entry.Inode);
        BinaryPrimitives.WriteUInt32LittleEndian(header[16..], (uint)name.Length);
        header[20] = (byte)entry.Type;
        var used = CopyWhatFits(header, buffer);
        return used + CopyWhatFits(name, buffer[used..]);
    }

    private static int CopyWhatFits(ReadOnlySpan<byte> bytes, Span<byte> buffer)
    {
        var count = Math.Min(bytes.Length, buffer.Length);
        bytes[..count].CopyTo(buffer);
        return count;
    }
}
