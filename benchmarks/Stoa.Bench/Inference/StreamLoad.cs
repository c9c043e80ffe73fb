using System.Buffers.Text;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Stoa.Bench.Inference;

/// <summary>Asks for streamed answers of <see cref="StubServer"/>, and sees when each token comes.</summary>
internal static class StreamLoad
{
    // How long all streams are left alone after a look at each, so that most of what there is to do is what is measured; and how far apart they begin: a burst of new streams is not what is measured.
    private const int PauseMs = 5;
    private const int ApartMs = 2;

    /// <summary>Reads one stream, with a thread that waits in its socket, and that is all it does.</summary>
    /// <param name="address">Whom to ask.</param>
    /// <param name="request">See <see cref="HttpLoad.Request"/>.</param>
    /// <param name="tokens">That it has to have.</param>
    /// <returns>Milliseconds until the first token.</returns>
    public static double FirstTokenMs(Uri address, byte[] request, int tokens)
    {
        using var stream = OpenStream.Open(address, request, tokens);
        while (stream.Read())
        {
        }

        return stream.FirstMs;
    }

    /// <summary>Reads so many streams side by side, and sees how late each token comes behind the moment at which the server owed it.</summary>
    /// <remarks>
    /// One thread looks at all of them again and again. To be woken up for each token, a program needs a third of what the gateway does for it, of the same processors, and so does the gateway to
    /// wake it up.
    /// </remarks>
    /// <param name="address">Whom to ask.</param>
    /// <param name="request">See <see cref="HttpLoad.Request"/>.</param>
    /// <param name="streams">How many at once.</param>
    /// <param name="tokens">That each has to have.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Milliseconds of each token; up to the pause between two looks too many.</returns>
    public static Task<List<double>> RunAsync(Uri address, byte[] request, int streams, int tokens, CancellationToken cancellationToken) =>
        Task.Factory.StartNew(() => Run(address, request, streams, tokens, cancellationToken), cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static List<double> Run(Uri address, byte[] request, int streams, int tokens, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var (lateMs, open, begun) = (new List<double>(streams * tokens), new List<OpenStream>(streams), 0);
        try
        {
            while (begun < streams || open.Count > 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                for (; begun < streams && Stopwatch.GetElapsedTime(start).TotalMilliseconds >= begun * ApartMs; begun++)
                {
                    open.Add(OpenStream.Open(address, request, tokens));
                    open[^1].IsWaited = false;
                }

                for (var number = open.Count - 1; number >= 0; number--)
                {
                    var stream = open[number];
                    if (stream.Read())
                        continue;
                    stream.Dispose();
                    lateMs.AddRange(stream.LateMs);
                    open.RemoveAt(number);
                }

                Thread.Sleep(PauseMs);
            }
        }
        finally
        {
            foreach (var stream in open)
                stream.Dispose();
        }

        return lateMs;
    }

    private sealed class OpenStream : IDisposable
    {
        private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        private readonly byte[] _buffer = new byte[16 << 10];
        private readonly Uri _address;
        private readonly int _tokens;
        private long _asked;
        private int _filled;

        private OpenStream(Uri address, int tokens)
        {
            (_address, _tokens) = (address, tokens);
            LateMs = new List<double>(tokens);
        }

        public List<double> LateMs { get; }

        public double FirstMs { get; private set; }

        /// <summary>Whether a thread that reads waits until there is something.</summary>
        public bool IsWaited
        {
            set => _socket.Blocking = value;
        }

        public static OpenStream Open(Uri address, byte[] request, int tokens)
        {
            var stream = new OpenStream(address, tokens);
            stream._socket.Connect(new IPEndPoint(IPAddress.Loopback, address.Port));
            stream._asked = Stopwatch.GetTimestamp();
            stream._socket.Send(request);
            return stream;
        }

        /// <summary>Reads what there is.</summary>
        /// <returns>Whether there is more to come.</returns>
        /// <exception cref="BenchmarkException">Something else came than the tokens.</exception>
        public bool Read()
        {
            var read = _socket.Receive(_buffer.AsSpan(_filled), SocketFlags.None, out var error);
            if (error == SocketError.WouldBlock)
                return true;
            if (read == 0)
                throw new BenchmarkException($"{_address} closed a stream after {LateMs.Count} tokens.");
            var now = Stopwatch.GetTimestamp();
            _filled += read;
            _filled -= Take(_buffer.AsSpan(0, _filled), now);
            if (LateMs.Count > 0 && FirstMs == 0)
                FirstMs = Stopwatch.GetElapsedTime(_asked, now).TotalMilliseconds;
            if (_buffer.AsSpan(0, _filled).IndexOf("[DONE]"u8) < 0)
                return true;
            return LateMs.Count == _tokens ? false : throw new BenchmarkException($"{_address} gave {LateMs.Count} tokens of {_tokens}.");
        }

        public void Dispose() => _socket.Dispose();

        /// <summary>Takes the tokens that are there; what is left may be the beginning of another one.</summary>
        private int Take(Span<byte> bytes, long now)
        {
            var taken = 0;
            while (bytes[taken..].IndexOf((byte)StubServer.BeforeDue) is >= 0 and var at && bytes.Length - taken - at > StubServer.DueDigits)
            {
                if (Utf8Parser.TryParse(bytes.Slice(taken + at + 1, StubServer.DueDigits), out long due, out _))
                    LateMs.Add(Stopwatch.GetElapsedTime(due, now).TotalMilliseconds);
                taken += at + 1 + StubServer.DueDigits;
            }

            bytes[taken..].CopyTo(bytes);
            return taken;
        }
    }
}
