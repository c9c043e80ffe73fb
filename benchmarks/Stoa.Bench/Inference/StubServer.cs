using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Stoa.Bench.Inference;

/// <summary>A server of a model that answers at once: OpenAI's API as far as gateways ask for it, on bare sockets, so that what is measured is the gateway.</summary>
/// <remarks>
/// Each connection has a thread that waits for it, so that the time in which a pool of threads wakes up is not measured as the gateway's: through one, a server has been idle for longer than when it is asked directly. A request that asks for a stream gets a tenth of its max_tokens, one
/// each ten milliseconds, which says in its text when it was due by the clock that all processes of a machine share.
/// </remarks>
internal static class StubServer
{
    /// <summary>What this program is started with to be one; then the port.</summary>
    public const string Word = "stub-of-a-model";

    /// <summary>And to be one that fails now and then.</summary>
    public const string FaultyWord = "faulty-stub-of-a-model";

    /// <summary>A stream has one token for so many of its max_tokens: its tokens are long numbers, which gateways that count by themselves take for several.</summary>
    public const int LimitOfToken = 10;

    /// <summary>Between two tokens of a stream.</summary>
    public const int TokenMs = 10;

    /// <summary>What comes before the moment at which a token was due.</summary>
    public const char BeforeDue = '~';

    /// <summary>How many digits that has.</summary>
    public const int DueDigits = 20;

    private static readonly byte[] s_answer = Answer(
        """{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"stub","choices":[{"index":0,"message":{"role":"assistant","content":"Hello there, how may I help you today?"},"finish_reason":"stop"}],"usage":{"prompt_tokens":24,"completion_tokens":10,"total_tokens":34}}""");

    // What may go wrong, one after the other; an empty one is a connection that ends without a word.
    private static readonly byte[][] s_faults =
    [
        Answer("""{"error":{"message":"It does not work.","type":"server_error"}}""", 500),
        Answer("""{"error":{"message":"It does not work.","type":"server_error"}}"""),
        Answer("""{"object":"chat.completion","choices":[]}"""),
        Answer("no JSON at all"),
        s_answer[..^40],
        "garbage\r\n\r\n"u8.ToArray(),
        [],
    ];

    private static readonly byte[] s_models = Answer("""{"object":"list","data":[{"id":"stub","object":"model"}]}""");
    private static readonly byte[] s_streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"u8.ToArray();

    private static readonly byte[] s_streamEnd = Chunk(
        "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"stub\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
        + "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"stub\",\"choices\":[],\"usage\":{\"prompt_tokens\":24,\"completion_tokens\":100,\"total_tokens\":124}}\n\n"
        + "data: [DONE]\n\n",
        isLast: true);

    private static readonly byte[] s_token = Chunk(
        "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"stub\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\""
        + BeforeDue + new string('0', DueDigits) + "\"},\"finish_reason\":null}]}\n\n");

    private const int StackBytes = 256 << 10;

    private static readonly Ticker s_ticker = new();
    private static long s_requests;

    /// <param name="ports">Where it listens: at each of them as if it were a server of its own.</param>
    /// <param name="faultEvery">One request in so many goes wrong; 0 for none.</param>
    public static int Run(IReadOnlyList<int> ports, int faultEvery)
    {
        s_ticker.Start();
        foreach (var port in ports.Skip(1))
            new Thread(() => Listen(port, faultEvery)) { IsBackground = true }.Start();
        Listen(ports[0], faultEvery);
        return 0;
    }

    private static void Listen(int port, int faultEvery)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        listener.Listen(4_096);
        while (true)
        {
            var socket = listener.Accept();
            socket.NoDelay = true;
            new Thread(() => Serve(socket, faultEvery), StackBytes) { IsBackground = true }.Start();
        }
    }

    private static void Serve(Socket socket, int faultEvery)
    {
        using (socket)
        {
            var buffer = new byte[64 << 10];
            var filled = 0;
            try
            {
                while (true)
                {
                    var length = RequestLength(buffer.AsSpan(0, filled));
                    if (length == 0)
                    {
                        var read = socket.Receive(buffer.AsSpan(filled));
                        if (read == 0)
                            return;
                        filled += read;
                        continue;
                    }

                    var request = buffer.AsSpan(0, length);
                    var (isStream, isList, tokens) = (request.IndexOf("\"stream\":true"u8) >= 0, request.StartsWith("GET "u8), MaxTokens(request));
                    buffer.AsSpan(length, filled - length).CopyTo(buffer);
                    filled -= length;
                    if (faultEvery > 0 && !isList && Interlocked.Increment(ref s_requests) is var number && number % faultEvery == 0)
                    {
                        socket.Send(s_faults[number / faultEvery % s_faults.Length]);
                        return;
                    }

                    if (isStream)
                        s_ticker.Stream(socket, tokens / LimitOfToken);
                    else
                        socket.Send(isList ? s_models : s_answer);
                }
            }
            catch (SocketException)
            {
                // Whoever was there has gone.
            }
        }
    }

    private static int MaxTokens(ReadOnlySpan<byte> request) =>
        request.IndexOf("\"max_tokens\":"u8) is >= 0 and var at && Utf8Parser.TryParse(request[(at + 13)..], out int tokens, out _) ? tokens : 0;

    private static int RequestLength(ReadOnlySpan<byte> bytes)
    {
        var head = bytes.IndexOf("\r\n\r\n"u8);
        if (head < 0)
            return 0;
        var header = HttpLoad.IndexOfHeader(bytes[..head], "content-length:"u8);
        var body = header >= 0 && Utf8Parser.TryParse(bytes[header..].TrimStart((byte)' '), out int length, out _) ? length : 0;
        return bytes.Length >= head + 4 + body ? head + 4 + body : 0;
    }

    private static byte[] Answer(string json, int status = 200) => Encoding.UTF8.GetBytes(
        string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {status} S\r\nContent-Type: application/json\r\nContent-Length: {json.Length}\r\n\r\n{json}"));

    private static byte[] Chunk(string text, bool isLast = false) => Encoding.UTF8.GetBytes(
        string.Create(CultureInfo.InvariantCulture, $"{text.Length:x}\r\n{text}\r\n{(isLast ? "0\r\n\r\n" : "")}"));

    /// <summary>Sends the tokens of all streams, from one thread and by one clock.</summary>
    private sealed class Ticker
    {
        private static readonly long s_perToken = Stopwatch.Frequency * TokenMs / 1_000;

        private readonly Lock _lock = new();
        private readonly List<OpenStream> _streams = [];

        public void Start() => new Thread(Run) { IsBackground = true }.Start();

        /// <summary>Sends a stream, and waits for its end.</summary>
        public void Stream(Socket socket, int tokens)
        {
            socket.Send(s_streamHead);
            using var stream = new OpenStream(socket, tokens, Stopwatch.GetTimestamp());
            // The first token does not wait for the clock.
            if (!stream.Advance())
                return;
            lock (_lock)
                _streams.Add(stream);
            stream.Ended.Wait();
        }

        private void Run()
        {
            while (true)
            {
                List<OpenStream> streams;
                lock (_lock)
                    streams = [.. _streams];
                var next = Stopwatch.GetTimestamp() + s_perToken;
                foreach (var stream in streams)
                {
                    var isEnded = !stream.Advance();
                    if (isEnded)
                    {
                        lock (_lock)
                            _streams.Remove(stream);
                        stream.Ended.Set();
                    }
                    else
                    {
                        next = Math.Min(next, stream.NextDue);
                    }
                }

                var wait = (next - Stopwatch.GetTimestamp()) * 1_000 / Stopwatch.Frequency;
                if (wait > 0)
                    Thread.Sleep((int)wait);
            }
        }

        private sealed class OpenStream(Socket socket, int tokens, long start) : IDisposable
        {
            private static readonly int s_due = s_token.IndexOf((byte)BeforeDue) + 1;

            private readonly byte[] _token = [.. s_token];
            private int _sent;

            public ManualResetEventSlim Ended { get; } = new();

            public long NextDue { get; private set; } = start;

            public void Dispose() => Ended.Dispose();

            public bool Advance()
            {
                try
                {
                    while (NextDue <= Stopwatch.GetTimestamp())
                    {
                        if (_sent++ == tokens)
                        {
                            socket.Send(s_streamEnd);
                            return false;
                        }

                        Utf8Formatter.TryFormat(NextDue, _token.AsSpan(s_due, DueDigits), out _, new StandardFormat('D', DueDigits));
                        socket.Send(_token);
                        NextDue += s_perToken;
                    }

                    return true;
                }
                catch (SocketException)
                {
                    return false;
                }
            }
        }
    }
}
