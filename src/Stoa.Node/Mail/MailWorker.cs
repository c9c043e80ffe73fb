using Stoa.Node.Background;
using Stoa.Node.Membership;

namespace Stoa.Node.Mail;

/// <summary>Sends letters, for as long as the node runs and has a mail server.</summary>
public sealed class MailWorker(SqlLetterQueue queue, Mailer mailer, MailOptions options, TimeProvider time, ILogger<MailWorker> logger) : BackgroundService
{
    private const int TakenAtOnce = 20;

    private readonly ClockWatch _clock = new(time);
    private readonly FailureLog _failures = new(logger, time);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!mailer.IsOn)
            return;
        while (!stoppingToken.IsCancellationRequested)
        {
            var sent = 0;
            try
            {
                sent = await TurnAsync(stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogError(failure, "E-mail cannot be worked on; trying again.");
            }

            if (sent < TakenAtOnce)
                await Task.Delay(TimeSpan.FromMilliseconds(options.PollMs), time, stoppingToken);
        }
    }

    /// <summary>One turn of the loop; how many letters were due.</summary>
    internal async Task<int> TurnAsync(CancellationToken cancellationToken)
    {
        if (_clock.WasSetBack())
            await queue.BringForwardAsync(cancellationToken);
        // A look costs less than a transaction.
        if (!(await queue.NextDueAsync(cancellationToken) <= time.GetUtcNow()))
            return 0;
        var letters = await queue.TakeAsync(TakenAtOnce, cancellationToken);
        // One that fails otherwise than by the mail server comes again when the time that it was taken for is over.
        await EachByItself.DoAsync(
            letters, letter => SendAsync(letter, cancellationToken), (letter, failure) => _failures.TellOf("send the letter", letter.Id, failure), cancellationToken);
        return letters.Count;
    }

    private async Task SendAsync(QueuedLetter letter, CancellationToken cancellationToken)
    {
        try
        {
            await mailer.SendAsync(new Letter(letter.Recipient, letter.Subject, letter.Body) { Id = letter.Id.ToString() }, cancellationToken);
            await queue.RemoveAsync(letter, cancellationToken);
        }
        catch (MailException refused) when (refused.IsForGood || letter.Attempts >= options.MaxAttempts)
        {
            // Addresses of people are nothing for a log.
            logger.LogWarning("The letter {Letter} is given up after {Attempts} attempts: {Reason}", letter.Id, letter.Attempts, refused.Message);
            await queue.RemoveAsync(letter, cancellationToken);
        }
        catch (MailException refused)
        {
            logger.LogInformation("The letter {Letter} is tried again later: {Reason}", letter.Id, refused.Message);
            await queue.PutOffAsync(letter, cancellationToken);
        }
    }
}
