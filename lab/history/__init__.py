"""Record what everybody saw of a lab's calls, and check that nobody was lost: `recorder`, then `checker`.

    recorder = HistoryRecorder(lab, folder)     # start_lab(history=folder) made the node write its acts there
    await recorder.start()
    recorder.note_agent("a1001", 600)           # tone by which callers know this agent
    recorder.note_caller(leg)                   # of place_call(record=True); once for each caller, at any time
    await recorder.stop()                       # when nobody is on the line any more
    findings = check_history(folder)            # pure: reads the folder and nothing else
"""
