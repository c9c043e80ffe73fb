using System.Buffers.Binary;

namespace Stoa.Wasm.Wasi.Calls;

/// <summary><c>fd_read</c>, <c>fd_pread</c>, <c>fd_write</c>, <c>fd_pwrite</c>: bytes between descriptors and lists of buffers.</summary>
internal sealed class TransferCalls(DescriptorTable descriptors, WasiLimits limits)
{
    private const int BufferRecordBytes = 8;

    /// <summary>The buffers of a call, and where it writes how many bytes went through.</summary>
    public readonly record struct BufferList(uint Address, uint Count, uint ResultAddress);

    public Errno Read(Guest guest, int fd, BufferList buffers)
    {
        switch (Find(fd, Rights.FdRead))
        {
            case FileDescriptor file:
                var read = new FileRead(file.Node, file.Offset);
                var errno = Move(guest, buffers, ref read, out _);
                file.Offset = read.Offset;
                return errno;
            case InputDescriptor input:
                var inputRead = new InputRead(input);
                return Move(guest, buffers, ref inputRead, out _);
            default:
                return Errno.Badf;
        }
    }

    public Errno ReadAt(Guest guest, int fd, BufferList buffers, ulong offset)
    {
        var errno = RequirePositioned(fd, Rights.FdRead, out var file);
        if (errno != Errno.Success)
            return errno;
        var read = new FileRead(file!.Node, offset);
        return Move(guest, buffers, ref read, out _);
    }

    public Errno Write(Guest guest, int fd, BufferList buffers)
    {
        switch (Find(fd, Rights.FdWrite))
        {
            case FileDescriptor file:
                var errno = WriteFile(guest, buffers, file, file.Offset, out var endOffset);
                file.Offset = endOffset;
                return errno;
            case OutputDescriptor output:
                var write = new OutputWrite(output.Output);
                return Move(guest, buffers, ref write, out _);
            default:
                return Errno.Badf;
        }
    }

    public Errno WriteAt(Guest guest, int fd, BufferList buffers, ulong offset)
    {
        var errno = RequirePositioned(fd, Rights.FdWrite, out var file);
        return errno == Errno.Success ? WriteFile(guest, buffers, file!, offset, out _) : errno;
    }

    private Errno WriteFile(Guest guest, BufferList buffers, FileDescriptor file, ulong offset, out ulong endOffset)
    {
        var write = new FileWrite(file, offset);
        var errno = Move(guest, buffers, ref write, out var total);
        endOffset = write.Offset;
        if (errno != Errno.Success || total == 0 || (file.Flags & (FdFlags.Sync | FdFlags.Dsync)) == 0)
            return errno;
        guest.Charge(WasiFuel.Sync);
        return file.Node.Sync(dataOnly: !file.Flags.HasFlag(FdFlags.Sync));
    }

    /// <summary>Moves bytes through all buffers, and tells the guest how many.</summary>
    private Errno Move<T>(Guest guest, BufferList buffers, ref T transfer, out uint total)
        where T : struct, ITransfer
    {
        total = 0;
        var errno = CheckBuffers(guest, buffers);
        if (errno == Errno.Success)
            errno = MovePieces(guest, buffers, ref transfer, out total);
        // An error after some bytes went through is told by the next call, as POSIX does.
        return errno != Errno.Success && total == 0 ? errno : guest.Write(buffers.ResultAddress, total);
    }

    private static Errno MovePieces<T>(Guest guest, BufferList buffers, ref T transfer, out uint total)
        where T : struct, ITransfer
    {
        total = 0;
        for (var i = 0U; i < buffers.Count; i++)
        {
            // Looked up again: what was just read may have overwritten the list itself.
            if (!TryGetBuffer(guest, buffers, i, out var buffer))
                return Errno.Fault;
            while (!buffer.IsEmpty)
            {
                var errno = transfer.MovePiece(guest, buffer[..Math.Min(buffer.Length, Guest.PieceBytes)], out var bytesMoved);
                if (errno != Errno.Success || bytesMoved == 0)
                    return errno;
                total += (uint)bytesMoved;
                buffer = buffer[bytesMoved..];
            }
        }

        return Errno.Success;
    }

    /// <summary>Looks at all buffers before a byte moves, so that a bad address is refused without effect.</summary>
    private Errno CheckBuffers(Guest guest, BufferList buffers)
    {
        if (buffers.Count > limits.MaxBuffersPerCall)
            return Errno.Inval;
        guest.Charge(buffers.Count * WasiFuel.Buffer);
        if (!guest.TryGet(buffers.ResultAddress, sizeof(uint), out _) || !guest.TryGet(buffers.Address, buffers.Count * BufferRecordBytes, out _))
            return Errno.Fault;
        var total = 0L;
        for (var i = 0U; i < buffers.Count; i++)
        {
            if (!TryGetBuffer(guest, buffers, i, out var buffer))
                return Errno.Fault;
            total += buffer.Length;
        }

        return total > int.MaxValue ? Errno.Inval : Errno.Success;
    }

    private static bool TryGetBuffer(Guest guest, BufferList buffers, uint index, out Span<byte> buffer)
    {
        buffer = default;
        return guest.TryGet(buffers.Address + (index * BufferRecordBytes), BufferRecordBytes, out var record)
            && guest.TryGet(
                BinaryPrimitives.ReadUInt32LittleEndian(record),
                BinaryPrimitives.ReadUInt32LittleEndian(record[4..]),
                out buffer);
    }

    /// <summary>The descriptor, if it is open for this. What is not answers <see cref="Errno.Badf"/>, as in POSIX.</summary>
    private Descriptor? Find(int fd, Rights right) =>
        descriptors.Find(fd) is { } descriptor && (descriptor.Rights & right) != 0 ? descriptor : null;

    private Errno RequirePositioned(int fd, Rights right, out FileDescriptor? file)
    {
        var descriptor = Find(fd, right);
        file = descriptor as FileDescriptor;
        return file is not null
            ? file.Rights.HasFlag(Rights.FdSeek) ? Errno.Success : Errno.NotCapable
            : descriptor is null ? Errno.Badf : Errno.SPipe;
    }
}
