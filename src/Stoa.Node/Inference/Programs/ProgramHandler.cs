using System.Diagnostics.CodeAnalysis;
using System.Net;
using Stoa.Market.Inference.OpenAi;
using Stoa.Node.Inference.Gateway;

namespace Stoa.Node.Inference.Programs;

/// <summary>Answers requests whose address is that of a program in this node by running it; all others go on.</summary>
/// <param name="programs">Which there are.</param>
/// <param name="others">Goes to servers.</param>
internal sealed class ProgramHandler(ModelPrograms programs, HttpMessageHandler others) : DelegatingHandler(others)
{
    /// <summary>Under which a request says whether a stream of events is asked for.</summary>
    public static readonly HttpRequestOptionsKey<bool> IsStream = new("Stoa.IsStream");

    private const string ModelsEndpoint = "models";

    /// <inheritdoc/>
    /// <exception cref="UpstreamException">The program has failed.</exception>
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        request.RequestUri is { Scheme: ModelPrograms.Scheme } address ? RunAsync(request, address, cancellationToken) : base.SendAsync(request, cancellationToken);

    private async Task<HttpResponseMessage> RunAsync(HttpRequestMessage request, Uri address, CancellationToken cancellationToken)
    {
        var (program, endpoint) = programs.Find(address);
        if (program is null)
            throw new UpstreamException(UpstreamFailureKind.Unreachable, "The program is not served just now.");
        // One that is served is well: nothing of it runs between two requests.
        if (request.Method == HttpMethod.Get && endpoint == ModelsEndpoint)
            return new HttpResponseMessage(HttpStatusCode.OK) { Content = new ByteArrayContent("""{"object":"list","data":[]}"""u8.ToArray()) };
        var body = request.Content is { } content ? await content.ReadAsByteArrayAsync(cancellationToken) : [];
        var run = new ProgramRun(program, endpoint, body, request.Options.TryGetValue(IsStream, out var isStream) && isStream);
        return await HeadAsync(run, program.Start(run), cancellationToken);
    }

    /// <summary>Waits until it is known whether the program answers.</summary>
    [SuppressMessage("Reliability", "CA2000", Justification = "Whoever has asked disposes of the answer.")]
    private static async Task<HttpResponseMessage> HeadAsync(ProgramRun run, Task<bool> end, CancellationToken cancellationToken)
    {
        try
        {
            // How a stream ends is told by the stream.
            if (await Task.WhenAny(end, run.Output.Begun).WaitAsync(cancellationToken) != end || run.Output.Begun.IsCompleted)
                return new HttpResponseMessage(HttpStatusCode.OK) { Content = new ProgramContent(new ProgramAnswer(run), end) };
            var hasAnswered = await end;
            if (!hasAnswered && !(AnswerReading.TryRead(run.Output.Held.Span, out var reading) && reading.IsError))
                throw new UpstreamException(UpstreamFailureKind.Refused, "The program ended with exit code 1, and wrote no error object.");
            return new HttpResponseMessage(hasAnswered ? HttpStatusCode.OK : HttpStatusCode.BadRequest) { Content = new ReadOnlyMemoryContent(run.Output.Held) };
        }
        catch
        {
            run.Stop();
            throw;
        }
    }
}
