using System.Buffers;
using Stoa.Network.Hosting;

namespace Stoa.Network.Relay;

/// <summary>Why a circuit ended.</summary>
internal enum CircuitEnd
{
    /// <summary>Both sides have ended it.</summary>
    Completed,

    /// <summary>One side broke it off, or was lost.</summary>
    Lost,

    /// <summary>It carried as many bytes one way as it may.</summary>
    TooLong,

    /// <summary>It lasted as long as it may, or the relay stops.</summary>
    OutOfTime,
}

/// <summary>Carries bytes both ways between two streams until both have ended, or it has carried as much or lasted as long as it may.</summary>
/// <param name="options">How much and how long.</param>
/// <param name="time">What the time is measured by.</param>
/// <param name="count">Is told how many bytes were carried, piece by piece.</param>
internal sealed class Circuit(RelayOptions options, TimeProvider time, Action<int> count)
{
    private const int PieceLength = 4_096;

    /// <summary>Carries. Unless both sides have ended it, both streams are reset.</summary>
    public async Task<CircuitEnd> RunAsync(PeerStream dialler, PeerStream dialled, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(options.MaxCircuitDuration, time);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        using var broken = CancellationTokenSource.CreateLinkedTokenSource(over.Token);
        var ends = await Task.WhenAll(MoveAsync(dialler, dialled, broken), MoveAsync(dialled, dialler, broken));
        if (ends.All(end => end is CircuitEnd.Completed))
            return CircuitEnd.Completed;
        dialler.Reset();
        dialled.Reset();
        return ends.Contains(CircuitEnd.TooLong) ? CircuitEnd.TooLong : over.IsCancellationRequested ? CircuitEnd.OutOfTime : CircuitEnd.Lost;
    }

    private async Task<CircuitEnd> MoveAsync(PeerStream from, PeerStream to, CancellationTokenSource broken)
    {
        var end = CircuitEnd.Lost;
        var piece = ArrayPool<byte>.Shared.Rent(PieceLength);
        try
        {
            var left = options.MaxCircuitBytes;
            while (await from.ReadAsync(piece, broken.Token) is var read and > 0)
            {
                if (read > left)
                {
                    end = CircuitEnd.TooLong;
                    return end;
                }

                left -= read;
                await to.WriteAsync(piece.AsMemory(0, read), broken.Token);
                count(read);
            }

            await to.CompleteWritesAsync(broken.Token);
            end = CircuitEnd.Completed;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // It is over one way, and so both.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
            if (end is not CircuitEnd.Completed)
                broken.Cancel();
        }

        return end;
    }
}
