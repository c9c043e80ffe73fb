using System.Buffers.Binary;
using Stoa.Wasm.Wasi.Files;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Wasm.Wasi.Calls;

/// <summary><c>fd_read</c>, <c>fd_pread</c>, <c>fd_write</c>, <c>fd_pwrite</c>: bytes between descriptors and lists of buffers.</summary>
internal sealed class TransferCalls(DescriptorTable descriptors, WasiLimits limits)
{
    private const int BufferRecordBytes = 8;

    public Errno Read(Guest guest, int fd, uint buffers, uint count, uint resultAddress)
    {
        var errno = Require(fd, Rights.FdRead, out var descriptor);
        if (errno == Errno.Success)
            errno = CheckBuffers(guest, buffers, count, resultAddress);
        if (errno != Errno.Success)
            return errno;
        var total = 0U;
        if (descriptor is FileDescriptor file)
        {
            errno = ReadFile(guest, file.Node, buffers, count, file.Offset, out total);
            file.Offset += total;
        }
        else
        {
            errno = ReadInput(guest, ((InputDescriptor)descriptor!).Input, buffers, count, out total);
        }

        return Finish(guest, errno, total, resultAddress);
    }

    public Errno ReadAt(Guest guest, int fd, uint buffers, uint count, ulong offset, uint resultAddress)
    {
        var errno = RequirePositioned(fd, Rights.FdRead, out var file);
        if (errno == Errno.Success)
            errno = CheckBuffers(guest, buffers, count, resultAddress);
        if (errno != Errno.Success)
            return errno;
        errno = ReadFile(guest, file!.Node, buffers, count, offset, out var total);
        return Finish(guest, errno, total, resultAddress);
    }

    public Errno Write(Guest guest, int fd, uint buffers, uint count, uint resultAddress)
    {
        var errno = Require(fd, Rights.FdWrite, out var descriptor);
        if (errno == Errno.Success)
            errno = CheckBuffers(guest, buffers, count, resultAddress);
        if (errno != Errno.Success)
            return errno;
        var total = 0U;
        if (descriptor is FileDescriptor file)
        {
            var offset = file.Offset;
            errno = WriteFile(guest, file, buffers, count, ref offset, out total);
            file.Offset = offset;
        }
        else
        {
            errno = WriteOutput(guest, ((OutputDescriptor)descriptor!).Output, buffers, count, out total);
        }

        return Finish(guest, errno, total, resultAddress);
    }

    public Errno WriteAt(Guest guest, int fd, uint buffers, uint count, ulong offset, uint resultAddress)
    {
        var errno = RequirePositioned(fd, Rights.FdWrite, out var file);
        if (errno == Errno.Success)
            errno = CheckBuffers(guest, buffers, count, resultAddress);
        if (errno != Errno.Success)
            return errno;
        errno = WriteFile(guest, file!, buffers, count, ref offset, out var total);
        return Finish(guest, errno, total, resultAddress);
    }

    // An error after some bytes went through is told by the next call, as POSIX does.
    private static Errno Finish(Guest guest, Errno errno, uint total, uint resultAddress) =>
        errno != Errno.Success && total == 0 ? errno : guest.Write(resultAddress, total);

    /// <summary>Looks at all buffers before a byte moves, so that a bad address is refused without effect.</summary>
    private Errno CheckBuffers(Guest guest, uint buffers, uint count, uint resultAddress)
    {
        if (count > limits.MaxBuffersPerCall)
            return Errno.Inval;
        guest.Charge(count * WasiFuel.Buffer);
        if (!guest.TryGet(resultAddress, sizeof(uint), out _) || !guest.TryGet(buffers, count * BufferRecordBytes, out _))
            return Errno.Fault;
        var total = 0L;
        for (var i = 0U; i < count; i++)
        {
            if (!TryGetBuffer(guest, buffers, i, out var buffer))
                return Errno.Fault;
            total += buffer.Length;
        }

        return total > int.MaxValue ? Errno.Inval : Errno.Success;
    }

    private static bool TryGetBuffer(Guest guest, uint buffers, uint index, out Span<byte> buffer)
    {
        buffer = default;
        return guest.TryGet(buffers + (index * BufferRecordBytes), BufferRecordBytes, out var record)
            && guest.TryGet(
                BinaryPrimitives.ReadUInt32LittleEndian(record),
                BinaryPrimitives.ReadUInt32LittleEndian(record[4..]),
                out buffer);
    }

    private static Errno ReadFile(Guest guest, FileNode file, uint buffers, uint count, ulong offset, out uint total)
    {
        total = 0;
        for (var i = 0U; i < count; i++)
        {
            // Looked up again: what was just read may have overwritten the list itself.
            if (!TryGetBuffer(guest, buffers, i, out var buffer))
                return Errno.Fault;
            while (!buffer.IsEmpty)
            {
                var piece = buffer[..Math.Min(buffer.Length, Guest.PieceBytes)];
                var errno = file.ReadAt(piece, offset + total, out var bytesRead);
                guest.Charge(bytesRead * WasiFuel.Byte);
                if (errno != Errno.Success || bytesRead == 0)
                    return errno;
                total += (uint)bytesRead;
                buffer = buffer[bytesRead..];
            }
        }

        return Errno.Success;
    }

    private static Errno ReadInput(Guest guest, GuestInput input, uint buffers, uint count, out uint total)
    {
        total = 0;
        for (var i = 0U; i < count; i++)
        {
            if (!TryGetBuffer(guest, buffers, i, out var buffer))
                return Errno.Fault;
            while (!buffer.IsEmpty)
            {
                // What has come is handed over rather than kept back until more comes.
                if (total > 0 && !input.FillsReads && input.WaitReadable() is not null)
                    return Errno.Success;
                int bytesRead;
                try
                {
                    bytesRead = input.Read(buffer[..Math.Min(buffer.Length, Guest.PieceBytes)], guest.Stopping);
                }
                catch (IOException)
                {
                    return Errno.Io;
                }
                catch (OperationCanceledException) when (guest.Stopping.IsCancellationRequested)
                {
                    return guest.Interrupted();
                }

                guest.Charge(bytesRead * WasiFuel.Byte);
                if (bytesRead == 0)
                    return Errno.Success;
                total += (uint)bytesRead;
                buffer = buffer[bytesRead..];
            }
        }

        return Errno.Success;
    }

    private static Errno WriteFile(Guest guest, FileDescriptor file, uint buffers, uint count, ref ulong offset, out uint total)
    {
        total = 0;
        var errno = Errno.Success;
        for (var i = 0U; i < count && errno == Errno.Success; i++)
        {
            if (!TryGetBuffer(guest, buffers, i, out var buffer))
                return Errno.Fault;
            while (!buffer.IsEmpty && errno == Errno.Success)
            {
                var piece = buffer[..Math.Min(buffer.Length, Guest.PieceBytes)];
                guest.Charge(piece.Length * WasiFuel.Byte);
                errno = WritePiece(file, piece, ref offset, out var bytesWritten);
                total += (uint)bytesWritten;
                buffer = buffer[bytesWritten..];
            }
        }

        if (total > 0 && (file.Flags & (FdFlags.Sync | FdFlags.Dsync)) != 0)
        {
            guest.Charge(WasiFuel.Sync);
            var synced = file.Node.Sync(dataOnly: !file.Flags.HasFlag(FdFlags.Sync));
            return errno == Errno.Success ? synced : errno;
        }

        return errno;
    }

    private static Errno WritePiece(FileDescriptor file, ReadOnlySpan<byte> piece, ref ulong offset, out int bytesWritten)
    {
        Errno errno;
        if (file.Flags.HasFlag(FdFlags.Append))
        {
            errno = file.Node.Append(piece, out bytesWritten, out var endOffset);
            if (errno == Errno.Success)
                offset = endOffset;
        }
        else
        {
            errno = file.Node.WriteAt(piece, offset, out bytesWritten);
            offset += (ulong)bytesWritten;
        }

        // A file that takes nothing and gives no reason is full.
        return errno == Errno.Success && bytesWritten == 0 ? Errno.NoSpc : errno;
    }

    private static Errno WriteOutput(Guest guest, GuestOutput output, uint buffers, uint count, out uint total)
    {
        total = 0;
        for (var i = 0U; i < count; i++)
        {
            if (!TryGetBuffer(guest, buffers, i, out var buffer))
                return Errno.Fault;
            while (!buffer.IsEmpty)
            {
                var piece = buffer[..Math.Min(buffer.Length, Guest.PieceBytes)];
                guest.Charge(piece.Length * WasiFuel.Byte);
                try
                {
                    output.Write(piece);
                }
                catch (IOException)
                {
                    return Errno.Io;
                }

                total += (uint)piece.Length;
                buffer = buffer[piece.Length..];
            }
        }

        return Errno.Success;
    }

    /// <summary>A stream of bytes that is open for this: reading what is only written answers <see cref="Errno.Badf"/>, as in POSIX.</summary>
    private Errno Require(int fd, Rights rights, out Descriptor? descriptor)
    {
        descriptor = descriptors.Find(fd);
        if (descriptor is DirectoryDescriptor)
            return Errno.IsDir;
        return descriptor is null || (descriptor.Rights & rights) == 0 ? Errno.Badf : Errno.Success;
    }

    private Errno RequirePositioned(int fd, Rights rights, out FileDescriptor? file)
    {
        var errno = Require(fd, rights, out var descriptor);
        file = descriptor as FileDescriptor;
        if (errno != Errno.Success)
            return errno;
        if (file is null)
            return Errno.SPipe;
        return file.Rights.HasFlag(Rights.FdSeek) ? Errno.Success : Errno.NotCapable;
    }
}
