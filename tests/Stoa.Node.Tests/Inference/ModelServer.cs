using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Stoa.Node.Tests.Inference;

/// <summary>A server of a model on this machine that answers, or misbehaves, as a test says: byte by byte, since servers that are killed do not end in whole messages.</summary>
public sealed class ModelServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentBag<Socket> _sockets = [];
    private readonly Task _accepting;

    private ModelServer()
    {
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>What is done with a request that is no question for the list of models.</summary>
    public Func<ModelCall, Task> Behaviour { get; set; } = call => call.AnswerAsync("Hello there");

    /// <summary>Bodies of the requests that came.</summary>
    public ConcurrentQueue<JsonNode> Requests { get; } = new();

    /// <summary>What the last request brought in its header Authorization.</summary>
    public string? Authorization { get; private set; }

    /// <summary>How many were given up by who asked, before they were answered.</summary>
    public int GivenUp { get; set; }

    /// <summary>Connections that were made.</summary>
    public int Connections => _sockets.Count;

    public string Address => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/v1";

    public static ModelServer Start(Func<ModelCall, Task>? behaviour = null)
    {
        var server = new ModelServer();
        if (behaviour is not null)
            server.Behaviour = behaviour;
        return server;
    }

    /// <summary>Ends as a process that is killed.</summary>
    public void Kill()
    {
        _listener.Stop();
        foreach (var socket in _sockets)
        {
            Reset(socket);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Kill();
        await _accepting;
        _stop.Dispose();
    }

    /// <summary>No goodbye: the other side sees a reset.</summary>
    internal static void Reset(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(true, 0);
            socket.Close();
        }
        catch (ObjectDisposedException)
        {
            // It is closed already.
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptSocketAsync(_stop.Token);
                _sockets.Add(socket);
                _ = ServeAsync(socket);
            }
        }
        catch (Exception over) when (over is OperationCanceledException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // Stopped, between two sockets or while one was waited for.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            await using var stream = new NetworkStream(socket, ownsSocket: true);
            while (await ReadAsync(stream) is { } request)
            {
                if (request.IsList)
                {
                    await stream.WriteAsync(ModelCall.Whole(200, """{"object":"list","data":[{"id":"tiny","object":"model"}]}"""), _stop.Token);
                    continue;
                }

                Authorization = request.Authorization;
                Requests.Enqueue(request.Body!);
                var call = new ModelCall(this, socket, stream, request.Body!, _stop.Token);
                await Behaviour(call);
                if (call.IsClosed)
                    return;
            }
        }
        catch (Exception over) when (over is IOException or OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Whoever asked has gone, or the test is over.
        }
    }

    private async Task<(bool IsList, JsonNode? Body, string? Authorization)?> ReadAsync(NetworkStream stream)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one, _stop.Token) == 0)
                return null;
            head.Append((char)one[0]);
        }

        var lines = head.ToString().Split("\r\n");
        string? Header(string name) => lines.FirstOrDefault(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))?[(name.Length + 1)..].Trim();
        if (lines[0].StartsWith("GET ", StringComparison.Ordinal))
            return (true, null, Header("Authorization"));
        var body = new byte[int.Parse(Header("Content-Length")!, CultureInfo.InvariantCulture)];
        await stream.ReadExactlyAsync(body, _stop.Token);
        return (false, JsonNode.Parse(body)!, Header("Authorization"));
    }
}

/// <summary>One request, and what its server does.</summary>
public sealed class ModelCall(ModelServer server, Socket socket, NetworkStream stream, JsonNode request, CancellationToken stop)
{
    public JsonNode Request { get; } = request;

    /// <summary>Whether the connection is not used any more.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>A whole answer as bytes.</summary>
    public static byte[] Whole(int status, string json) => Encoding.UTF8.GetBytes(
        string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {status} S\r\nContent-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(json)}\r\n\r\n{json}"));

    /// <summary>Answers a text, in one piece or as a stream of its words, as was asked for.</summary>
    /// <param name="text">What the model says.</param>
    /// <param name="input">Tokens that it says it has read; null for the number of its words, 0 to say nothing.</param>
    /// <param name="output">Tokens that it says it has written.</param>
    public async Task AnswerAsync(string text, long? input = 7, long? output = null)
    {
        var words = text.Split(' ');
        var usage = input is null ? "null" : $$"""{"prompt_tokens":{{input}},"completion_tokens":{{output ?? words.Length}},"total_tokens":{{input + (output ?? words.Length)}}}""";
        if (Request["stream"]?.GetValue<bool>() is true)
        {
            await BeginAsync();
            await EventAsync("""{"id":"c1","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}""");
            foreach (var word in words)
                await WordAsync(word + " ");
            await EventAsync("""{"id":"c1","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}""");
            if (input is not null && Request["stream_options"]?["include_usage"]?.GetValue<bool>() is true)
                await EventAsync($$"""{"id":"c1","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[],"usage":{{usage}}}""");
            await ChunkAsync("data: [DONE]\n\n");
            await RawAsync("0\r\n\r\n");
        }
        else if (Request["input"] is not null)
        {
            await RawAsync(Whole(200, $$"""{"object":"list","model":"tiny","data":[{"object":"embedding","index":0,"embedding":[0.25,-0.5]}],"usage":{"prompt_tokens":{{input}},"total_tokens":{{input}} } }"""));
        }
        else
        {
            await RawAsync(Whole(200, $$"""{"id":"c1","object":"chat.completion","created":1,"model":"tiny","choices":[{"index":0,"message":{"role":"assistant","content":"{{text}}"},"finish_reason":"stop"}],"usage":{{usage}}}"""));
        }
    }

    /// <summary>Answers an error.</summary>
    public Task ErrorAsync(int status, string message = "It does not work.") =>
        RawAsync(Whole(status, $$$"""{"error":{"message":"{{{message}}}","type":"server_error","code":null}}"""));

    /// <summary>The head of a streamed answer.</summary>
    public Task BeginAsync() => RawAsync("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");

    /// <summary>A word of a streamed answer.</summary>
    public Task WordAsync(string word) =>
        EventAsync($$"""{"id":"c1","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[{"index":0,"delta":{"content":"{{word}}"},"finish_reason":null}]}""");

    /// <summary>An event of a streamed answer.</summary>
    public Task EventAsync(string json) => ChunkAsync($"data: {json}\n\n");

    /// <summary>Bytes of a streamed answer, be they whole events or not.</summary>
    public Task ChunkAsync(string text) => RawAsync(string.Create(CultureInfo.InvariantCulture, $"{Encoding.UTF8.GetByteCount(text):x}\r\n{text}\r\n"));

    public Task RawAsync(string text) => RawAsync(Encoding.UTF8.GetBytes(text));

    public async Task RawAsync(byte[] bytes) => await stream.WriteAsync(bytes, stop);

    /// <summary>Ends the connection, with what was sent still on its way: the system does so for a process that is killed.</summary>
    public void End()
    {
        IsClosed = true;
        socket.Close();
    }

    /// <summary>Ends the connection by a reset, which may overtake what was sent.</summary>
    public void Break()
    {
        IsClosed = true;
        ModelServer.Reset(socket);
    }

    /// <summary>Does nothing until whoever asked goes away.</summary>
    public async Task HangAsync()
    {
        IsClosed = true;
        try
        {
            await stream.ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: false, stop);
        }
        catch (IOException)
        {
            // A reset is a way to go, too.
        }

        if (!stop.IsCancellationRequested)
            server.GivenUp++;
    }
}
