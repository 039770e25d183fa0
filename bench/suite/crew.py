"""Workers in processes of their own, each with a connection, that begin together: what the suite lets work on queues by SQL."""
import multiprocessing
import resource
import time

context = multiprocessing.get_context('fork')


def member(connect, work, number, barrier, results):
    connection = connect()
    barrier.wait()
    work(connection, number)
    spent = resource.getrusage(resource.RUSAGE_SELF)
    results.put((spent.ru_utime + spent.ru_stime) * 1e6)


def crew(connect, work, size, meanwhile=lambda: None):
    """work(connection, number) in so many processes; returns seconds from the start until meanwhile() and all of them have
    come back, and microseconds that they were on a processor"""
    barrier, results = context.Barrier(size + 1), context.Queue()
    members = [context.Process(target=member, args=(connect, work, number, barrier, results)) for number in range(size)]
    for one in members:
        one.start()
    barrier.wait(60)
    began = time.time()
    meanwhile()
    spent = 0
    for one in members:
        spent += results.get(timeout=600)
    took = time.time() - began
    for one in members:
        one.join()
    return took, spent
