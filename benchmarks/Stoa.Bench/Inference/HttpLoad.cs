using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Stoa.Bench.Inference;

/// <summary>Asks again and again over several connections, each as soon as it has been answered, on bare sockets.</summary>
internal static class HttpLoad
{
    /// <summary>The bytes of a request.</summary>
    public static byte[] Request(Uri address, string body, params (string Name, string Value)[] headers)
    {
        var head = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"POST {address.AbsolutePath} HTTP/1.1\r\nHost: {address.Authority}\r\nContent-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n"));
        foreach (var (name, value) in headers)
            head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        return Encoding.UTF8.GetBytes($"{head}\r\n{body}");
    }

    /// <summary>Asks for a while.</summary>
    /// <param name="address">Whom.</param>
    /// <param name="request">What, see <see cref="Request"/>.</param>
    /// <param name="connections">How many at once.</param>
    /// <param name="time">How long.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Microseconds of each answer, and how many came in a second.</returns>
    public static async Task<(List<double> Us, double PerSecond)> RunAsync(Uri address, byte[] request, int connections, TimeSpan time, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var until = start + (long)(time.TotalSeconds * Stopwatch.Frequency);
        var each = await Task.WhenAll(Enumerable.Range(0, connections).Select(_ => Task.Run(() => AskAsync(address, request, until, cancellationToken), cancellationToken)));
        var took = Stopwatch.GetElapsedTime(start).TotalSeconds;
        List<double> all = [.. each.SelectMany(one => one)];
        return (all, all.Count / took);
    }

    /// <summary>Where the value of a header begins; -1 when it is not there.</summary>
    public static int IndexOfHeader(ReadOnlySpan<byte> head, ReadOnlySpan<byte> lowerName)
    {
        for (var from = 0; ;)
        {
            var feed = head[from..].IndexOf((byte)'\n');
            if (feed < 0)
                return -1;
            from += feed + 1;
            if (head.Length - from >= lowerName.Length && Ascii.EqualsIgnoreCase(head.Slice(from, lowerName.Length), lowerName))
                return from + lowerName.Length;
        }
    }

    private static async Task<List<double>> AskAsync(Uri address, byte[] request, long until, CancellationToken cancellationToken)
    {
        var us = new List<double>(100_000);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, address.Port), cancellationToken);
        var buffer = new byte[64 << 10];
        while (Stopwatch.GetTimestamp() is var sent && sent < until)
        {
            await socket.SendAsync(request, cancellationToken);
            for (var filled = 0; ;)
            {
                var read = await socket.ReceiveAsync(buffer.AsMemory(filled), cancellationToken);
                if (read == 0)
                    throw new BenchmarkException($"{address} closed the connection.");
                filled += read;
                if (IsWhole(buffer.AsSpan(0, filled)))
                    break;
            }

            us.Add(Stopwatch.GetElapsedTime(sent).TotalMicroseconds);
            if (!buffer.AsSpan().StartsWith("HTTP/1.1 200"u8))
                throw new BenchmarkException($"{address} answered {Encoding.UTF8.GetString(buffer.AsSpan(0, 600))}");
        }

        return us;
    }

    private static bool IsWhole(ReadOnlySpan<byte> answer)
    {
        var head = answer.IndexOf("\r\n\r\n"u8);
        if (head < 0)
            return false;
        var header = IndexOfHeader(answer[..head], "content-length:"u8);
        return header < 0
            ? answer.EndsWith("0\r\n\r\n"u8)
            : Utf8Parser.TryParse(answer[header..].TrimStart((byte)' '), out int length, out _) && answer.Length >= head + 4 + length;
    }
}
