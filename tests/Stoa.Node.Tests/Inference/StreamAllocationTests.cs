using System.Buffers;
using System.Text;
using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Node.Http;
using Stoa.Node.Inference;
using Stoa.Node.Inference.Gateway;
using Stoa.Node.Inference.Programs;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference;

/// <summary>Tests that measure what the whole process allocates run by themselves.</summary>
[CollectionDefinition(nameof(AloneInTheProcess), DisableParallelization = true)]
public sealed class AloneInTheProcess;

/// <summary>What a streamed answer allocates as it goes on: for its last events as much as for its first ones.</summary>
[Collection(nameof(AloneInTheProcess))]
public sealed class StreamAllocationTests(ITestOutputHelper output)
{
    private const int Events = 50_000;
    private const int EventsOfSample = 5_000;

    // What others in the process allocate meanwhile, such as for the output of tests.
    private const long SlackBytes = 1 << 20;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Events_OfALongStream_AllocateNoMoreThanThoseOfItsBeginning()
    {
        var data = """data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}""" + "\n\n";
        var chunk = Encoding.UTF8.GetBytes($"{data.Length:x}\r\n{data}\r\n");
        await using var server = ModelServer.Start(async call =>
        {
            await call.BeginAsync();
            for (var sent = 0; sent < Events; sent++)
                await call.RawAsync(chunk);
            await call.EventAsync("""{"model":"tiny","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}""");
            await call.ChunkAsync("data: [DONE]\n\n");
            await call.RawAsync("0\r\n\r\n");
        });
        var options = new InferenceOptions();
        using var upstreams = new Upstreams(options, new ModelPrograms());
        InferenceRequest.TryRead(InferenceKind.Chat, """{"model":"acme/tiny","messages":[],"stream":true}"""u8.ToArray(), out var request, out var fault).ShouldBeTrue(fault?.Reason);
        var replica = new Replica(
            new Id<Replica>(new Guid(1, 0, 0, new byte[8])), new ReplicaModel(ListingName.Parse("acme/tiny@1.0.0"), null, ["chat"], 8_192, null), new Uri(server.Address), "tiny", null, 1, 64, null, IsDraining: false, DateTimeOffset.UnixEpoch);
        var answer = new MeasuredAnswer();
        using var asked = new CellRequest(upstreams, replica, scope: null, held: null);

        var end = await new Exchange(answer, request!, asked, Reservation.OfNothing(), null, new ExchangeTerms(100, 10_000_000, 0, 600_000), options, answer).RunAsync();

        (end.Kind, answer.Written.Events).ShouldBe((RequestEndKind.Served, Events + 1));
        var allocated = answer.Written.Allocated.Zip(answer.Written.Allocated.Skip(1), (before, after) => after - before).ToList();
        output.WriteLine($"bytes an event, {EventsOfSample} each: {string.Join(' ', allocated.Select(bytes => bytes / EventsOfSample))}");
        // If what an event allocates grew with those before it, the last ones would allocate six times as much.
        allocated[^1].ShouldBeLessThan(2 * allocated[0] + SlackBytes);
    }

    /// <summary>Keeps nothing of an answer but what there was allocated when so many events of it had come.</summary>
    private sealed class MeasuredAnswer : IAnswer, IReplicaVisit
    {
        public MeasuringWriter Written { get; } = new();

        public CancellationToken Gone => Stop;

        public IBufferWriter<byte> Writer => Written;

        public void Check(ReadOnlySpan<byte> whole)
        {
        }

        public void CheckWritten()
        {
        }

        public void Begin(in AnswerHead head)
        {
        }

        // The last event is the node's own.
        public void WriteDone()
        {
        }

        public ValueTask FlushAsync() => ValueTask.CompletedTask;

        public ValueTask EndAsync(Money cost) => ValueTask.CompletedTask;

        public void Abort() => throw new InvalidOperationException("It was read to its end.");

        public Task RefuseAsync(OpenAiError error) => throw new InvalidOperationException(error.Message);

        public void NoteWord()
        {
        }

        public void Leave(RequestEnd end)
        {
        }
    }

    private sealed class MeasuringWriter : IBufferWriter<byte>
    {
        private readonly byte[] _room = new byte[64 << 10];

        /// <summary>How many have come.</summary>
        public int Events { get; private set; }

        /// <summary>Bytes that the process had allocated after each so many.</summary>
        public List<long> Allocated { get; } = new(StreamAllocationTests.Events / EventsOfSample);

        public void Advance(int count)
        {
            // Each ends with an empty line.
            if (!_room.AsSpan(0, count).EndsWith("\n\n"u8))
                return;
            if (++Events % EventsOfSample == 0)
                Allocated.Add(GC.GetTotalAllocatedBytes());
        }

        public Memory<byte> GetMemory(int sizeHint = 0) => _room;

        public Span<byte> GetSpan(int sizeHint = 0) => _room;
    }
}
