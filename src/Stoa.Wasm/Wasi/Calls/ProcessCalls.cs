namespace Stoa.Wasm.Wasi.Calls;

/// <summary><c>proc_exit</c>, <c>proc_raise</c>, <c>random_get</c> and the <c>sock_*</c> calls, for which there are no sockets.</summary>
internal sealed class ProcessCalls(DescriptorTable descriptors, RandomSource random)
{
    private const uint LastSignal = 30;
    private const uint ExitCodeOfSignals = 128;

    public static void Exit(uint exitCode) => throw new ProcessExitException(exitCode);

    /// <summary>Ends the guest with 128 + signal, as shells report it, or does nothing for the signals that are ignored.</summary>
    public static Errno Raise(uint signal) => signal switch
    {
        > LastSignal => Errno.Inval,
        // none, pipe, chld, cont, urg, winch
        0 or 13 or 16 or 17 or 22 or 27 => Errno.Success,
        // stop, tstp, ttin, ttou: nobody could wake the guest again
        >= 18 and <= 21 => Errno.NotSup,
        _ => throw new ProcessExitException(ExitCodeOfSignals + signal),
    };

    public Errno GetRandom(Guest guest, uint address, uint length)
    {
        if (!guest.TryGet(address, length, out var buffer))
            return Errno.Fault;
        while (!buffer.IsEmpty)
        {
            var piece = buffer[..Math.Min(buffer.Length, Guest.PieceBytes)];
            guest.Charge(piece.Length * WasiFuel.Byte);
            random.Fill(piece);
            buffer = buffer[piece.Length..];
        }

        return Errno.Success;
    }

    /// <summary>What every call on a socket answers: no descriptor is one.</summary>
    public Errno Socket(int fd) => descriptors.Find(fd) is null ? Errno.Badf : Errno.NotSock;
}
