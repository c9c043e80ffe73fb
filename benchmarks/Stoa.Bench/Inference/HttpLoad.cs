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
    /// <remarks>A single connection is asked by a thread that waits for the answer in the socket: another one would have to be woken up, and later the longer that takes, which is no part of what is asked.</remarks>
    /// <returns>Microseconds of each answer, and how many came in a second.</returns>
    public static async Task<(List<double> Us, double PerSecond)> RunAsync(Uri address, byte[] request, int connections, TimeSpan time, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var until = start + (long)(time.TotalSeconds * Stopwatch.Frequency);
        var each = connections == 1
            ? [await Task.Factory.StartNew(() => Ask(address, request, until), cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default)]
            : await Task.WhenAll(Enumerable.Range(0, connections).Select(_ => Task.Run(() => AskAsync(address, request, until, cancellationToken), cancellationToken)));
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

    private static List<double> Ask(Uri address, byte[] request, long until)
    {
        var us = new List<double>(100_000);
        using var connection = Connection.Open(address);
        while (Stopwatch.GetTimestamp() is var sent && sent < until)
        {
            connection.Ask(request);
            us.Add(Stopwatch.GetElapsedTime(sent).TotalMicroseconds);
        }

        return us;
    }

    private static async Task<List<double>> AskAsync(Uri address, byte[] request, long until, CancellationToken cancellationToken)
    {
        var us = new List<double>(100_000);
        using var connection = await Connection.OpenAsync(address, cancellationToken);
        while (Stopwatch.GetTimestamp() is var sent && sent < until)
        {
            await connection.AskAsync(request, cancellationToken);
            us.Add(Stopwatch.GetElapsedTime(sent).TotalMicroseconds);
        }

        return us;
    }

    /// <summary>One connection.</summary>
    public sealed class Connection : IDisposable
    {
        private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        private readonly byte[] _buffer = new byte[64 << 10];
        private readonly Uri _address;

        private Connection(Uri address) => _address = address;

        public static async Task<Connection> OpenAsync(Uri address, CancellationToken cancellationToken)
        {
            var connection = new Connection(address);
            await connection._socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, address.Port), cancellationToken);
            return connection;
        }

        public static Connection Open(Uri address)
        {
            var connection = new Connection(address);
            connection._socket.Connect(new IPEndPoint(IPAddress.Loopback, address.Port));
            return connection;
        }

        /// <summary>Asks without waiting for an answer.</summary>
        public async Task SendAsync(byte[] request, CancellationToken cancellationToken) => await _socket.SendAsync(request, cancellationToken);

        /// <summary>Asks, and waits for the whole answer.</summary>
        /// <exception cref="BenchmarkException">It is no 200.</exception>
        public async Task AskAsync(byte[] request, CancellationToken cancellationToken)
        {
            await _socket.SendAsync(request, cancellationToken);
            for (var filled = 0; !Take(await _socket.ReceiveAsync(_buffer.AsMemory(filled), cancellationToken), ref filled);)
                continue;
        }

        /// <summary>The same, with the thread waiting. On one connection either this is used or what is asynchronous.</summary>
        /// <exception cref="BenchmarkException">It is no 200.</exception>
        public void Ask(byte[] request)
        {
            _socket.Send(request);
            for (var filled = 0; !Take(_socket.Receive(_buffer.AsSpan(filled)), ref filled);)
                continue;
        }

        public void Dispose() => _socket.Dispose();

        /// <returns>Whether the answer is whole.</returns>
        private bool Take(int read, ref int filled)
        {
            if (read == 0)
                throw new BenchmarkException($"{_address} closed the connection.");
            filled += read;
            if (!IsWhole(_buffer.AsSpan(0, filled)))
                return false;
            if (!_buffer.AsSpan().StartsWith("HTTP/1.1 200"u8))
                throw new BenchmarkException($"{_address} answered {Encoding.UTF8.GetString(_buffer.AsSpan(0, Math.Min(filled, 600)))}");
            return true;
        }
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
