using System.Buffers.Text;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Stoa.Bench.Inference;

/// <summary>Asks for many streamed answers at once, and sees how late each token comes behind the moment at which the server owed it.</summary>
internal static class StreamLoad
{
    /// <summary>Reads so many streams side by side.</summary>
    /// <param name="address">Whom to ask.</param>
    /// <param name="request">See <see cref="HttpLoad.Request"/>; asks for a stream of <see cref="StubServer"/>.</param>
    /// <param name="streams">How many at once.</param>
    /// <param name="tokens">That each has to have.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Milliseconds of each token, and milliseconds until the first one of each stream.</returns>
    public static async Task<(List<double> LateMs, List<double> FirstMs)> RunAsync(Uri address, byte[] request, int streams, int tokens, CancellationToken cancellationToken)
    {
        // Not all in one moment: a burst of new streams is not what is measured.
        var each = await Task.WhenAll(Enumerable.Range(0, streams).Select(async number =>
        {
            await Task.Delay(number * 2, cancellationToken);
            return await ReadAsync(address, request, tokens, cancellationToken);
        }));
        return ([.. each.SelectMany(one => one.LateMs)], [.. each.Select(one => one.FirstMs)]);
    }

    private static async Task<(List<double> LateMs, double FirstMs)> ReadAsync(Uri address, byte[] request, int tokens, CancellationToken cancellationToken)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, address.Port), cancellationToken);
        var began = Stopwatch.GetTimestamp();
        await socket.SendAsync(request, cancellationToken);
        var (buffer, filled, lateMs, firstMs) = (new byte[16 << 10], 0, new List<double>(tokens), 0.0);
        while (true)
        {
            var read = await socket.ReceiveAsync(buffer.AsMemory(filled), cancellationToken);
            var now = Stopwatch.GetTimestamp();
            if (read == 0)
                throw new BenchmarkException($"{address} closed a stream after {lateMs.Count} tokens.");
            filled += read;
            filled -= Take(buffer.AsSpan(0, filled), now, lateMs);
            if (lateMs.Count > 0 && firstMs == 0)
                firstMs = Stopwatch.GetElapsedTime(began, now).TotalMilliseconds;
            if (buffer.AsSpan(0, filled).IndexOf("[DONE]"u8) >= 0)
                break;
        }

        return lateMs.Count == tokens ? (lateMs, firstMs) : throw new BenchmarkException($"{address} gave {lateMs.Count} tokens of {tokens}.");
    }

    /// <summary>Takes the tokens that are there; what is left may be the beginning of another one.</summary>
    private static int Take(Span<byte> bytes, long now, List<double> lateMs)
    {
        var taken = 0;
        while (bytes[taken..].IndexOf((byte)'~') is >= 0 and var at && bytes.Length - taken - at > 21)
        {
            if (Utf8Parser.TryParse(bytes.Slice(taken + at + 1, 20), out long due, out _))
                lateMs.Add(Stopwatch.GetElapsedTime(due, now).TotalMilliseconds);
            taken += at + 21;
        }

        bytes[taken..].CopyTo(bytes);
        return taken;
    }
}
