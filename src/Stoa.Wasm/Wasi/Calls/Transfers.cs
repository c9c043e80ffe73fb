using Stoa.Wasm.Wasi.Files;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Wasm.Wasi.Calls;

/// <summary>One way of moving bytes between the guest's memory and a descriptor, and what it costs.</summary>
internal interface ITransfer
{
    /// <summary>Moves up to a piece; fewer bytes may go through, and 0 without an error end the call.</summary>
    Errno MovePiece(Guest guest, Span<byte> piece, out int bytesMoved);
}

/// <summary>From a file.</summary>
internal struct FileRead(FileNode file, ulong offset) : ITransfer
{
    /// <summary>Where the next byte is read.</summary>
    public ulong Offset { get; private set; } = offset;

    public Errno MovePiece(Guest guest, Span<byte> piece, out int bytesMoved)
    {
        var errno = file.ReadAt(piece, Offset, out bytesMoved);
        guest.Charge(bytesMoved * WasiFuel.Byte);
        Offset += (ulong)bytesMoved;
        return errno;
    }
}

/// <summary>To a file, at an offset or, where it is open for appending, at its end.</summary>
internal struct FileWrite(FileDescriptor file, ulong offset) : ITransfer
{
    /// <summary>Where the next byte is written.</summary>
    public ulong Offset { get; private set; } = offset;

    public Errno MovePiece(Guest guest, Span<byte> piece, out int bytesMoved)
    {
        guest.Charge(piece.Length * WasiFuel.Byte);
        var endOffset = Offset;
        Errno errno;
        if (file.Flags.HasFlag(FdFlags.Append))
        {
            errno = file.Node.Append(piece, out bytesMoved, out endOffset);
        }
        else
        {
            errno = file.Node.WriteAt(piece, Offset, out bytesMoved);
            endOffset += (ulong)bytesMoved;
        }

        if (errno != Errno.Success)
            return errno;
        Offset = endOffset;
        // A file that takes nothing and gives no reason is full.
        return bytesMoved == 0 ? Errno.NoSpc : Errno.Success;
    }
}

/// <summary>From the standard input.</summary>
internal struct InputRead(InputDescriptor descriptor) : ITransfer
{
    private bool _hasRead;

    public Errno MovePiece(Guest guest, Span<byte> piece, out int bytesMoved)
    {
        bytesMoved = 0;
        var input = descriptor.Input;
        // What has come is handed over rather than kept back until more comes, and a guest that asked not to wait does not.
        var waits = !_hasRead && !descriptor.Flags.HasFlag(FdFlags.NonBlock);
        if (!waits && !input.FillsReads && input.WaitReadable() is not null)
            return _hasRead ? Errno.Success : Errno.Again;
        try
        {
            bytesMoved = input.Read(piece, input.NeverWaits ? CancellationToken.None : guest.Stopping);
        }
        catch (IOException)
        {
            return Errno.Io;
        }
        catch (OperationCanceledException) when (guest.Stopping.IsCancellationRequested)
        {
            return guest.Interrupted();
        }

        guest.Charge(bytesMoved * WasiFuel.Byte);
        _hasRead = true;
        return Errno.Success;
    }
}

/// <summary>To the standard output or the standard error.</summary>
internal readonly struct OutputWrite(GuestOutput output) : ITransfer
{
    public Errno MovePiece(Guest guest, Span<byte> piece, out int bytesMoved)
    {
        bytesMoved = 0;
        guest.Charge(piece.Length * WasiFuel.Byte);
        try
        {
            output.Write(piece);
        }
        catch (IOException exception)
        {
            return HostErrors.ToErrno(exception);
        }

        bytesMoved = piece.Length;
        return Errno.Success;
    }
}
